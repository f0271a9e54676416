"""Undoing a document: once, by another of now, as long as what it brought is still there."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.catalogue import shown
from tests.api.problems import problem_of
from tests.api.stocked import TRANSACTIONS, Store, posted, reversed_
from tests.conftest import Business


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


async def undone(store: Store, document: Any, **fields: Any) -> Any:
    answer = await reversed_(store.business, document["id"], **fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{TRANSACTIONS}/{answer.json()['id']}"
    return answer.json()


async def archive(store: Store, url: str) -> None:
    headers = {"If-Match": "*"}
    answer = await store.http.patch(url, json={"status": "archived"}, headers=headers)
    assert answer.status_code == 200, answer.text


class TestReverse:
    async def test_posts_the_same_the_other_way(self, store: Store):
        line = store.line("2", target=store.here, unit="thùng")
        receipt = await posted(store.business, "receipt", line, external_ref="HD")
        reversal = await undone(store, receipt, note="nhầm")
        assert (reversal["type"], reversal["note"]) == ("receipt", "nhầm")
        assert (reversal["reverses_id"], reversal["reversed_by_id"]) == (receipt["id"], None)
        assert reversal["external_ref"] is None
        assert reversal["document_no"][-6:] == "000002"
        [line] = reversal["lines"]
        assert (line["quantity"], line["unit"], line["base_quantity"]) == ("2", "thùng", "24")
        assert (line["from_location_id"], line["to_location_id"]) == (store.here, None)
        assert (line["from_seq"], line["from_after"]) == (2, "0")
        after = await shown(store.business, f"{TRANSACTIONS}/{receipt['id']}")
        assert after == receipt | {"reversed_by_id": reversal["id"]}
        assert await shown(store.business, f"{TRANSACTIONS}/{reversal['id']}") == reversal

    async def test_of_each_type_leaves_what_was_there_before(self, store: Store):
        await store.receive("10")
        before = await store.levels()
        documents = [
            (await store.issue("3")).json(),
            (await store.transfer("4")).json(),
            await posted(
                store.business, "adjustment", store.line("1", store.here), reason="damage"
            ),
            await posted(
                store.business, "adjustment", store.line("2", target=store.here), reason="opening"
            ),
        ]
        for document in documents:
            reversal = await undone(store, document)
            assert reversal["reason"] == document["reason"]
        levels = await store.levels()
        assert levels.pop((store.item_id, store.there)) == "0"
        assert levels == before

    async def test_takes_back_what_the_document_itself_passed_on(self, store: Store):
        """Line by line in the same order, the second place would have nothing to give back."""
        await store.receive("5")
        lines = store.line("5", store.here, store.there), store.line("5", store.there, store.here)
        document = await posted(store.business, "transfer", *lines)
        reversal = await undone(store, document)
        assert [line["line_no"] for line in reversal["lines"]] == [1, 2]
        [first, second] = reversal["lines"]
        assert (first["from_location_id"], first["to_location_id"]) == (store.there, store.here)
        assert (second["from_seq"], second["from_after"]) == (4, "0")
        assert (first["to_seq"], first["to_after"]) == (5, "5")
        assert await store.on_hand() == "5"
        await store.receive("1")
        assert await store.on_hand() == "6"

    async def test_works_for_what_was_archived_since(self, store: Store):
        receipt = await store.receive("5")
        await archive(store, f"/v1/items/{store.item_id}")
        await undone(store, receipt)
        assert await store.on_hand() == "0"


class TestRefusal:
    async def test_of_a_second_reversal(self, store: Store):
        receipt = await store.receive("5")
        await undone(store, receipt)
        answer = await reversed_(store.business, receipt["id"])
        problem_of(answer, 409, "already_reversed")
        assert await store.on_hand() == "0"

    async def test_of_a_reversal_of_a_reversal(self, store: Store):
        reversal = await undone(store, await store.receive("5"))
        answer = await reversed_(store.business, reversal["id"])
        problem_of(answer, 409, "cannot_reverse_reversal")

    async def test_where_the_goods_are_gone(self, store: Store):
        receipt = await store.receive("5")
        await store.issue("1")
        answer = await reversed_(store.business, receipt["id"])
        [error] = problem_of(answer, 409, "insufficient_stock")["errors"]
        assert (
            error.items()
            >= {
                "item_id": store.item_id,
                "location_id": store.here,
                "requested": "5",
                "available": "4",
            }.items()
        )
        assert (await shown(store.business, f"{TRANSACTIONS}/{receipt['id']}")) == receipt
        assert await store.on_hand() == "4"

    async def test_where_goods_would_come_to_an_archived_location(self, store: Store):
        await store.receive("5")
        issue = (await store.issue("5")).json()
        await archive(store, f"/v1/locations/{store.here}")
        answer = await reversed_(store.business, issue["id"])
        assert "errors" not in problem_of(answer, 422, "location_archived")
        assert await store.on_hand() == "0"

    async def test_where_there_is_no_room_to_give_back(self, store: Store):
        await store.receive("99999999999999")
        issue = (await store.issue("9")).json()
        await store.receive("9")
        answer = await reversed_(store.business, issue["id"])
        problem_of(answer, 422, "quantity_out_of_range")

    async def test_of_what_is_not_there_or_another_businesss(self, store: Store, other: Business):
        receipt = await store.receive("5")
        for id in (receipt["id"], str(uuid4())):
            problem_of(await reversed_(other, id), 404, "not_found")
        assert await store.on_hand() == "5"

    async def test_of_a_note_that_cannot_be_stored(self, store: Store):
        receipt = await store.receive("5")
        answer = await reversed_(store.business, receipt["id"], note="a\0")
        problem_of(answer, 422, "validation_failed")
