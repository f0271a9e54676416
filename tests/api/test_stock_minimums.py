"""Minimum stock: what should be there, what is below it, and documents that cross it."""

from typing import Final
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.database import Row
from tests.api.catalogue import an_item_of, id_of
from tests.api.problems import faults_of, problem_of, without_id
from tests.api.reserved import act, reserved
from tests.api.stocked import Store, posted, reversed_, sent
from tests.conftest import Business
from tests.recorded import Recorded

CROSSED: Final = {"stock.fell_below_minimum", "stock.rose_to_minimum"}


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("10")
    return store


def address(store: Store, item_id: str | None = None, location_id: str | None = None) -> str:
    return f"/v1/stock/minimums/{item_id or store.item_id}/{location_id or store.here}"


async def put(store: Store, minimum: object, **named: str) -> httpx2.Response:
    return await store.http.put(address(store, **named), json={"minimum": minimum})


async def below(store: Store, query: str = "below_minimum=true") -> dict[tuple[str, str], str]:
    """Return what is listed, by item and location: its minimum."""
    answer = await store.http.get(f"/v1/stock/levels?{query}")
    assert answer.status_code == 200, answer.text
    return {(row["item_id"], row["location_id"]): row["minimum"] for row in answer.json()}


@pytest.fixture
def log(app: FastAPI, business: Business) -> Recorded:
    return Recorded(app.state.database, business.tenant_id)


async def crossings(log: Recorded) -> list[Row]:
    """Return the events of crossings so far."""
    return [event for event in await log.all() if event["type"] in CROSSED]


class TestMinimum:
    async def test_is_set_and_changed_and_taken_away(self, store: Store):
        made = await put(store, "20")
        expected = {"item_id": store.item_id, "location_id": store.here, "minimum": "20"}
        assert (made.status_code, made.json()) == (201, expected)
        assert made.headers["location"] == address(store)
        for minimum in ("20", "5"):
            changed = await put(store, minimum)
            assert (changed.status_code, changed.json()["minimum"]) == (200, minimum)
        found = await store.http.get(address(store))
        assert found.json() == expected | {"minimum": "5"}
        same = await store.http.get(
            address(store), headers={"If-None-Match": found.headers["etag"]}
        )
        assert same.status_code == 304
        assert (await store.http.delete(address(store))).status_code == 204
        for answer in (
            await store.http.get(address(store)),
            await store.http.delete(address(store)),
        ):
            problem_of(answer, 404, "not_found")

    async def test_is_of_what_has_never_been_there(self, store: Store):
        item_id = id_of(await an_item_of(store.business, "NEW"))
        assert (await put(store, "3", item_id=item_id)).status_code == 201
        assert await below(store) == {(item_id, store.here): "3"}

    @pytest.mark.parametrize(
        ("minimum", "code"),
        [
            *(("0", "quantity_out_of_range"), ("-1", "quantity_out_of_range")),
            *(("1" + "0" * 14, "quantity_out_of_range"), ("0.5", "quantity_precision")),
        ],
    )
    async def test_is_a_quantity_of_the_item(self, store: Store, minimum: str, code: str):
        problem = problem_of(await put(store, minimum), 422, code)
        assert [error["pointer"] for error in problem["errors"]] == ["/minimum"]

    @pytest.mark.parametrize("minimum", ["", "1e3", "NaN", " 1", 1, None, True, [], {"a": "1"}])
    async def test_is_a_plain_decimal(self, store: Store, minimum: object):
        assert [pointer for pointer, _ in faults_of(await put(store, minimum))] == ["/minimum"]

    async def test_is_of_an_item_and_a_location_that_are_there(self, store: Store, other: Business):
        theirs = await Store.opened(other)
        refusals = [
            await put(store, "1", **named)
            for named in (
                *({"item_id": theirs.item_id}, {"location_id": theirs.here}),
                *({"item_id": str(uuid4())}, {"location_id": str(uuid4())}),
            )
        ]
        problems = [without_id(problem_of(each, 404, "not_found")) for each in refusals]
        assert all(problem == problems[0] for problem in problems)

    async def test_of_another_business_is_not_there(self, store: Store, other: Business):
        await put(store, "20")
        for answer in (
            await other.http.get(address(store)),
            await other.http.delete(address(store)),
            await other.http.put(address(store), json={"minimum": "1"}),
        ):
            problem_of(answer, 404, "not_found")
        assert await below(store) == {(store.item_id, store.here): "20"}

    async def test_is_not_set_for_what_is_archived(self, store: Store):
        await store.issue("10")
        for url, code, name in (
            (f"/v1/items/{store.item_id}", "item_archived", "item_id"),
            (f"/v1/locations/{store.here}", "location_archived", "location_id"),
        ):
            change = {"status": "archived"}
            await store.http.patch(url, json=change, headers={"If-Match": "*"})
            problem = problem_of(await put(store, "1"), 422, code)
            assert [error["pointer"] for error in problem["errors"]] == [f"/path/{name}"]
            change = {"status": "active"}
            await store.http.patch(url, json=change, headers={"If-Match": "*"})


class TestBelow:
    async def test_follows_what_is_on_hand(self, store: Store):
        here = (store.item_id, store.here)
        await put(store, "10")
        assert await below(store) == {}
        assert await below(store, "below_minimum=false") == {here: "10"}
        issue = (await store.issue("1")).json()
        assert await below(store) == {here: "10"}
        assert await below(store, "below_minimum=false") == {}
        await reversed_(store.business, issue["id"])
        assert await below(store) == {}
        await put(store, "11")
        assert await below(store) == {here: "11"}

    async def test_goes_with_the_other_filters(self, store: Store):
        await store.transfer("4")
        await put(store, "7")
        await put(store, "5", location_id=store.there)
        for query, expected in (
            (f"&location_id={store.here}", {"7"}),
            (f"&location_id={store.there}&include_children=true", {"5"}),
            *(("&sku=a", {"5", "7"}), (f"&item_id={uuid4()}", set())),
        ):
            found = await below(store, f"below_minimum=true{query}")
            assert {*found.values()} == expected

    async def test_is_not_asked_of_the_past(self, store: Store):
        query = "below_minimum=true&as_of=2026-01-01T00:00:00Z"
        answer = await store.http.get(f"/v1/stock/levels?{query}")
        problem_of(answer, 422, "validation_failed")
        past = await store.http.get("/v1/stock/levels?as_of=2026-01-01T00:00:00Z")
        assert {row["minimum"] for row in past.json()} == {None}

    async def test_is_no_matter_of_what_is_reserved(self, store: Store):
        await put(store, "5")
        made = await reserved(store, "9")
        assert await below(store) == {}
        await act(store.business, made["id"], "confirm")
        assert await below(store) == {(store.item_id, store.here): "5"}


class TestCrossing:
    async def test_leaves_an_event_in_each_direction(self, store: Store, log: Recorded):
        await put(store, "8")
        issue = (await store.issue("3")).json()
        await store.issue("1")
        receipt = await store.receive("2")
        found = await crossings(log)
        level = {"item_id": store.item_id, "location_id": store.here, "minimum": "8"}
        assert [(event["type"], event["resource_id"], event["changes"]) for event in found] == [
            (
                *("stock.fell_below_minimum", issue["id"]),
                {"levels": [level | {"before": "10", "after": "7"}]},
            ),
            (
                *("stock.rose_to_minimum", receipt["id"]),
                {"levels": [level | {"before": "6", "after": "8"}]},
            ),
        ]

    async def test_is_that_of_the_whole_document(self, store: Store, log: Recorded):
        await put(store, "8")
        lines = [store.line("5", store.here), store.line("5", target=store.here)]
        for line in lines:
            await posted(store.business, "adjustment", line, reason="count")
        assert len(await crossings(log)) == 2
        await posted(store.business, "adjustment", *lines, reason="count")
        assert len(await crossings(log)) == 2

    async def test_at_both_ends_of_a_transfer_is_told(self, store: Store, log: Recorded):
        await put(store, "8")
        await put(store, "3", location_id=store.there)
        await store.transfer("3")
        fell, rose = await crossings(log)
        assert (fell["type"], rose["type"]) == (
            *("stock.fell_below_minimum", "stock.rose_to_minimum"),
        )
        assert rose["changes"]["levels"][0]["location_id"] == store.there

    async def test_by_a_reversal_or_a_confirmation_is_told_too(self, store: Store, log: Recorded):
        await put(store, "8")
        made = await reserved(store, "4")
        confirmed = (await act(store.business, made["id"], "confirm")).json()
        await reversed_(store.business, confirmed["transaction_id"])
        assert [event["type"] for event in await crossings(log)] == [
            *("stock.fell_below_minimum", "stock.rose_to_minimum"),
        ]

    async def test_that_is_refused_leaves_none(self, store: Store, log: Recorded):
        await put(store, "8")
        problem_of(
            await sent(store.business, "issue", store.line("11", store.here)),
            409,
            "insufficient_stock",
        )
        assert await crossings(log) == []
