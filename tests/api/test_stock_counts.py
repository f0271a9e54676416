"""Stocktakes: several people count, goods move meanwhile, and the differences are posted once."""

import asyncio
import random
from collections import Counter
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.modules.stock.domain import count_service
from tests.api.catalogue import an_item_of, id_of
from tests.api.problems import problem_of
from tests.api.stocked import Store, posted
from tests.api.test_stock_period_lock import findings
from tests.conftest import Business

COUNTS: Final = "/v1/stock/counts"


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business, barcode="8934563138165")
    await store.receive("30")
    return store


async def post(
    store: Store, path: str, body: object = None, key: str | None = None
) -> httpx2.Response:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await store.http.post(f"{COUNTS}{path}", json=body, headers=headers)


async def opened(store: Store, location_id: str | None = None, **more: Any) -> str:
    answer = await post(store, "", {"location_id": location_id or store.here} | more)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{COUNTS}/{answer.json()['id']}"
    return f"/{answer.json()['id']}"


async def enter(store: Store, count: str, *lines: dict[str, Any]) -> Any:
    answer = await post(store, f"{count}/lines", {"lines": lines})
    assert answer.status_code == 200, answer.text
    return answer.json()["lines"]


async def closed(store: Store, count: str, **how: Any) -> Any:
    answer = await post(store, f"{count}/post", how)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sheet(store: Store, count: str) -> dict[str, tuple[Any, ...]]:
    answer = await store.http.get(f"{COUNTS}{count}/lines")
    assert answer.status_code == 200, answer.text
    columns = ("expected", "counted", "surplus", "shortage")
    return {row["item_id"]: tuple(row[name] for name in columns) for row in answer.json()}


class TestSheet:
    async def test_has_what_the_books_had_when_it_was_opened(self, store: Store):
        other = id_of(await an_item_of(store.business, "KHÔNG CÓ"))
        count = await opened(store, note="Cuối tháng")
        await store.issue("7")
        assert await sheet(store, count) == {store.item_id: ("30", None, None, None)}
        shown = (await store.http.get(f"{COUNTS}{count}")).json()
        assert (shown["state"], shown["note"]) == ("open", "Cuối tháng")
        assert (shown["closed_at"], shown["transaction_id"]) == (None, None)
        await enter(store, count, {"item_id": other, "quantity": "2"})
        assert (await sheet(store, count))[other] == ("0", "2", "2", "0")

    async def test_is_counted_by_item_code_barcode_and_unit(self, store: Store):
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "3"})
        [line] = await enter(
            store,
            count,
            {"barcode": "8934563138165", "quantity": "1", "unit": "thùng"},
            {"sku": (await store.http.get("/v1/items")).json()[0]["sku"], "quantity": "2"},
        )
        assert (line["counted"], line["surplus"], line["shortage"]) == ("17", "0", "13")
        assert (line["expected"], line["unit"]) == ("30", "cái")
        await enter(store, count, {"item_id": store.item_id, "quantity": "40", "replaces": True})
        assert await sheet(store, count) == {store.item_id: ("30", "40", "10", "0")}
        zero = {"item_id": store.item_id, "quantity": "0", "unit": "thùng", "replaces": True}
        await enter(store, count, zero)
        assert await sheet(store, count) == {store.item_id: ("30", "0", "0", "30")}

    async def test_adds_up_what_several_count_at_once(self, store: Store):
        count = await opened(store)
        line = {"barcode": "8934563138165", "quantity": "1"}
        await asyncio.gather(*(enter(store, count, line, line) for _ in range(12)))
        assert await sheet(store, count) == {store.item_id: ("30", "24", "0", "6")}

    async def test_takes_a_count_that_is_sent_again_once(self, store: Store):
        count = await opened(store)
        body = {"lines": [{"item_id": store.item_id, "quantity": "5"}]}
        for replayed in (None, "true"):
            answer = await post(store, f"{count}/lines", body, key="k")
            assert answer.headers.get("idempotent-replayed") == replayed
        assert await sheet(store, count) == {store.item_id: ("30", "5", "0", "25")}

    async def test_goes_on_by_pages(self, store: Store):
        count = await opened(store)
        items = [id_of(await an_item_of(store.business, f"P{n}")) for n in range(5)]
        await enter(store, count, *({"item_id": id, "quantity": "1"} for id in items))
        found = []
        following: str | None = f"{COUNTS}{count}/lines?limit=2&sort=-item_id"
        while following:
            answer = await store.http.get(following)
            found += [row["item_id"] for row in answer.json()]
            following = answer.links.get("next", {}).get("url")
        assert found == sorted([*items, store.item_id], reverse=True)


class TestPosting:
    async def test_posts_one_adjustment_of_the_differences(self, store: Store, app: FastAPI):
        extra = id_of(await an_item_of(store.business, "THỪA"))
        right = id_of(await an_item_of(store.business, "ĐÚNG"))
        unseen = id_of(await an_item_of(store.business, "CHƯA ĐẾM"))
        for item_id in (right, unseen):
            line = store.line("4", target=store.here, item_id=item_id)
            await posted(store.business, "receipt", line)
        count = await opened(store, note="Kiểm kê")
        await enter(
            store,
            count,
            {"item_id": store.item_id, "quantity": "28"},
            {"item_id": extra, "quantity": "1"},
            {"item_id": right, "quantity": "4"},
        )
        done = await closed(store, count)
        assert done["state"] == "posted"
        assert done["closed_at"]
        document = await store.http.get(f"/v1/stock/transactions/{done['transaction_id']}")
        adjustment = document.json()
        assert (adjustment["type"], adjustment["reason"]) == ("adjustment", "count")
        assert adjustment["note"] == "Kiểm kê"
        told = {
            line["item_id"]: (line["quantity"], line["from_after"], line["to_after"])
            for line in adjustment["lines"]
        }
        assert told == {store.item_id: ("2", "28", None), extra: ("1", None, "1")}
        levels = await store.levels(f"location_id={store.here}")
        assert {id: on_hand for (id, _), on_hand in levels.items()} == {
            store.item_id: "28",
            extra: "1",
            right: "4",
            unseen: "4",
        }
        assert (await sheet(store, count))[unseen] == ("4", None, None, None)
        assert await findings(store, app) == set()

    async def test_takes_what_nobody_found_away_if_asked(self, store: Store):
        count = await opened(store)
        done = await closed(store, count, uncounted_as_zero=True)
        assert done["transaction_id"]
        assert await store.on_hand() == "0"

    async def test_of_no_difference_has_no_document(self, store: Store):
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "30"})
        done = await closed(store, count)
        assert (done["state"], done["transaction_id"]) == ("posted", None)
        assert await store.on_hand() == "30"

    async def test_leaves_what_moved_meanwhile(self, store: Store):
        """Two were missing when the count began; ten were sold and five came before its end."""
        count = await opened(store)
        await store.issue("10")
        await enter(store, count, {"item_id": store.item_id, "quantity": "28"})
        await store.receive("5")
        await closed(store, count)
        assert await store.on_hand() == str(30 - 10 + 5 - 2)

    async def test_while_goods_move_loses_nothing(self, store: Store, app: FastAPI):
        chance = random.Random(7)
        count = await opened(store)
        missing = 4

        async def move() -> int:
            by = chance.randint(1, 3)
            if chance.random() < 0.5:
                await store.receive(str(by))
                return by
            return -by if (await store.issue(str(by))).status_code == 201 else 0

        async def counting() -> int:
            for part in (10, 10, 30 - missing - 20):
                await enter(store, count, {"item_id": store.item_id, "quantity": str(part)})
            await closed(store, count)
            return -missing

        changes = await asyncio.gather(*(move() for _ in range(20)), counting())
        assert await store.on_hand() == str(30 + sum(changes))
        assert await findings(store, app) == set()

    async def test_happens_once(self, store: Store):
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "25"})
        answers = await asyncio.gather(*(post(store, f"{count}/post", {}) for _ in range(6)))
        assert Counter(each.status_code for each in answers) == {200: 1, 409: 5}
        assert await store.on_hand() == "25"
        for path, body in (
            ("post", {}),
            ("cancel", None),
            ("lines", {"lines": [{"item_id": store.item_id, "quantity": "1"}]}),
        ):
            problem_of(await post(store, f"{count}/{path}", body), 409, "count_closed")

    async def test_is_refused_where_what_is_missing_is_not_there(self, store: Store):
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "10"})
        await store.issue("15")
        problem = problem_of(await post(store, f"{count}/post", {}), 409, "insufficient_stock")
        assert problem["errors"][0]["item_id"] == store.item_id
        assert (await store.http.get(f"{COUNTS}{count}")).json()["state"] == "open"
        assert await store.on_hand() == "15"

    async def test_is_refused_where_a_document_would_be_too_long(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(count_service, "MOST_LINES", 1)
        other = id_of(await an_item_of(store.business, "KHÁC"))
        count = await opened(store)
        lines = [{"item_id": id, "quantity": "1"} for id in (store.item_id, other)]
        await enter(store, count, *lines)
        problem_of(await post(store, f"{count}/post", {}), 409, "too_many_differences")
        await enter(store, count, {"item_id": other, "quantity": "0", "replaces": True})
        await closed(store, count)

    async def test_that_is_cancelled_posts_nothing(self, store: Store):
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "1"})
        answer = await post(store, f"{count}/cancel")
        assert answer.json()["state"] == "cancelled"
        assert await store.on_hand() == "30"
        assert await sheet(store, count) == {store.item_id: ("30", "1", "0", "29")}
        await opened(store)


class TestRefusals:
    async def test_one_location_has_one_open_count(self, store: Store):
        answers = await asyncio.gather(
            *(post(store, "", {"location_id": store.here}) for _ in range(5))
        )
        assert Counter(each.status_code for each in answers) == {201: 1, 409: 4}
        problem_of(await post(store, "", {"location_id": store.here}), 409, "count_open")
        await opened(store, store.there)

    @pytest.mark.parametrize(
        ("line", "code", "fault"),
        [
            ({"quantity": "1"}, "validation_failed", "/lines/0/item_id required"),
            (
                {"sku": "A", "barcode": "1", "quantity": "1"},
                "validation_failed",
                "/lines/0/barcode not_allowed",
            ),
            ({"sku": "không có", "quantity": "1"}, "unknown_item", "/lines/0/item_id unknown_item"),
            (
                {"barcode": "không có", "quantity": "1"},
                "validation_failed",
                "/lines/0/barcode unknown_barcode",
            ),
            (
                {"barcode": "MÃ\x00", "quantity": "1"},
                "validation_failed",
                "/lines/0/barcode ",
            ),
            (
                {"barcode": "TWICE", "quantity": "1"},
                "validation_failed",
                "/lines/0/barcode ambiguous_barcode",
            ),
            (
                {"barcode": "8934563138165", "quantity": "0.5"},
                "quantity_precision",
                "/lines/0/quantity quantity_precision",
            ),
            (
                {"barcode": "8934563138165", "quantity": "99999999999999"},
                "quantity_out_of_range",
                "/lines/0/quantity quantity_out_of_range",
            ),
            (
                {"barcode": "8934563138165", "quantity": "-1"},
                "validation_failed",
                "/lines/0/quantity ",
            ),
            (
                {"barcode": "8934563138165", "quantity": "1", "unit": "kg"},
                "validation_failed",
                "/lines/0/unit unknown_unit",
            ),
        ],
    )
    async def test_of_what_cannot_be_counted(
        self, store: Store, line: dict[str, Any], code: str, fault: str
    ):
        for sku in ("T1", "T2"):
            await an_item_of(store.business, sku, barcode="TWICE")
        count = await opened(store)
        await enter(store, count, {"item_id": store.item_id, "quantity": "1"})
        answer = await post(store, f"{count}/lines", {"lines": [line]})
        [error] = problem_of(answer, 422, code)["errors"]
        assert f"{error['pointer']} {error['code']}".startswith(fault)
        assert (await sheet(store, count))[store.item_id][1] == "1"

    async def test_of_places_that_are_not_there(self, store: Store):
        problem_of(await post(store, "", {"location_id": str(uuid4())}), 422, "unknown_location")
        made = await store.http.post(
            "/v1/locations", json={"code": "X", "name": "X", "kind": "warehouse"}
        )
        archive = {"status": "archived"}
        await store.http.patch(made.headers["location"], json=archive, headers={"If-Match": "*"})
        location_id = made.json()["id"]
        problem_of(await post(store, "", {"location_id": location_id}), 422, "location_archived")

    async def test_of_counts_that_are_not_there(self, store: Store, other: Business):
        count = await opened(store)
        for path in (f"{COUNTS}{count}", f"{COUNTS}{count}/lines"):
            problem_of(await other.http.get(path), 404, "not_found")
        problem_of(await store.http.get(f"{COUNTS}/{uuid4()}/lines"), 404, "not_found")

    async def test_without_a_key(self, store: Store):
        count = await opened(store)
        for path in ("", f"{count}/lines", f"{count}/post", f"{count}/cancel"):
            body: Any = {"location_id": store.here} if not path else {}
            body = {"lines": [{"sku": "A", "quantity": "1"}]} if "lines" in path else body
            given = {} if path.endswith("cancel") else {"json": body}
            answer = await store.http.post(f"{COUNTS}{path}", **given)
            problem_of(answer, 400, "idempotency_key_required")

    async def test_lists_are_filtered(self, store: Store):
        first = await opened(store)
        await post(store, f"{first}/cancel")
        second, third = await opened(store), await opened(store, store.there)

        async def listed(query: str) -> list[str]:
            rows = (await store.http.get(f"{COUNTS}?{query}")).json()
            return [f"/{row['id']}" for row in rows]

        assert await listed("") == [first, second, third]
        assert await listed("sort=-id") == [third, second, first]
        assert await listed("state=open") == [second, third]
        assert await listed(f"location_id={store.here}&state=cancelled") == [first]
        assert await listed(f"location_id={store.there}") == [third]


async def test_much_may_be_counted_and_wanted_where_much_is(store: Store):
    """Neither is received on top of what is there."""
    much = "60000000000000"
    await store.receive(much)
    count = await opened(store)
    [line] = await enter(store, count, {"item_id": store.item_id, "quantity": much})
    assert line["counted"] == much
    url = f"/v1/stock/minimums/{store.item_id}/{store.here}"
    answer = await store.http.put(url, json={"minimum": much})
    assert answer.status_code == 201, answer.text
