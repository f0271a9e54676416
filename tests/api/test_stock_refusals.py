"""What no stock document may say: each its own code, told at its place, and nothing half-posted."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.catalogue import a_location_of, an_item_of, id_of, shown
from tests.api.problems import faults_of, problem_of, without_id
from tests.api.stocked import Store, sent
from tests.conftest import Business

ANY: Final = {"If-Match": "*"}

_COUNT: Final = """
SELECT (SELECT count(*) FROM stock_transactions WHERE tenant_id = $1)
     + (SELECT count(*) FROM stock_moves WHERE tenant_id = $1)
     + (SELECT coalesce(sum(last), 0) FROM stock_counters WHERE tenant_id = $1)
     + (SELECT count(*) FROM stock_accounts WHERE tenant_id = $1)
     + (SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1)
     + (SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'stock.posted')
"""


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("5")
    return store


@pytest.fixture
async def nothing_is_posted(store: Store, urls: DatabaseUrls) -> AsyncIterator[None]:
    """Look into every table of the ledger before and after."""
    admin = await asyncpg.connect(urls.admin)
    before = await admin.fetchval(_COUNT, store.business.tenant_id)
    yield
    assert await admin.fetchval(_COUNT, store.business.tenant_id) == before
    await admin.close()
    assert await store.on_hand() == "5"


def told(answer: httpx2.Response, code: str) -> list[str]:
    """Return the pointers of a refusal whose faults all have one code, which it has too."""
    problem = problem_of(answer, 422, code)
    assert {error["code"] for error in problem["errors"]} == {code}
    return [error["pointer"] for error in problem["errors"]]


@pytest.mark.usefixtures("nothing_is_posted")
class TestQuantity:
    @pytest.mark.parametrize("quantity", ["0", "0.000", "-1", "1" + "0" * 14, "1" + "0" * 30, "-0"])
    async def test_is_within_its_range(self, store: Store, quantity: str):
        good, bad = (store.line(each, target=store.here) for each in ("1", quantity))
        answer = await sent(store.business, "receipt", good, bad, good)
        assert told(answer, "quantity_out_of_range") == ["/lines/1/quantity"]

    @pytest.mark.parametrize("quantity", ["0.5", "1.0000001", "1." + "0" * 50 + "1"])
    async def test_is_no_finer_than_its_unit(self, store: Store, quantity: str):
        answer = await sent(store.business, "receipt", store.line(quantity, target=store.here))
        assert told(answer, "quantity_precision") == ["/lines/0/quantity"]

    @pytest.mark.parametrize(
        "quantity",
        [*("", " 1", "1 ", "+1", "1e3", "1E2", ".5", "1.", "1,5", "NaN", "Infinity", "٣"), "0x1"],
    )
    async def test_is_a_plain_decimal(self, store: Store, quantity: str):
        answer = await sent(store.business, "receipt", store.line(quantity, target=store.here))
        assert [pointer for pointer, _ in faults_of(answer)] == ["/lines/0/quantity"]

    async def test_is_no_number_of_json(self, store: Store):
        for number in (1, 0.1, True, None):
            line = store.line("1", target=store.here) | {"quantity": number}
            answer = await sent(store.business, "receipt", line)
            assert [pointer for pointer, _ in faults_of(answer)] == ["/lines/0/quantity"]

    async def test_is_exact_in_the_items_own_unit(self, store: Store):
        url = f"/v1/items/{store.item_id}/conversions/hộp"
        made = await store.http.put(url, json={"numerator": 1, "denominator": 3})
        assert made.status_code == 201
        line = store.line("1", target=store.here, unit="hộp")
        assert told(await sent(store.business, "receipt", line), "quantity_precision")

    async def test_leaves_room_for_what_is_there(self, store: Store):
        answer = await sent(store.business, "receipt", store.line("9" * 14, target=store.here))
        assert told(answer, "quantity_out_of_range") == ["/lines/0/quantity"]


@pytest.mark.usefixtures("nothing_is_posted")
class TestWhatIsNamed:
    async def test_is_there(self, store: Store):
        lost = str(uuid4())
        for line, code, pointer in (
            (store.line("1", target=store.here, item_id=lost), "unknown_item", "item_id"),
            (
                {"sku": "nope", "quantity": "1", "to_location_id": store.here},
                *("unknown_item", "item_id"),
            ),
            (store.line("1", target=lost), "unknown_location", "to_location_id"),
        ):
            answer = await sent(store.business, "receipt", line)
            assert told(answer, code) == [f"/lines/0/{pointer}"]
        answer = await sent(store.business, "issue", store.line("1", lost))
        assert told(answer, "unknown_location") == ["/lines/0/from_location_id"]

    async def test_is_told_line_by_line_whatever_was_looked_at_first(self, store: Store):
        lost = str(uuid4())
        lines = (
            store.line("0.0005", target=lost),
            store.line("1", target=store.here, item_id=lost),
        )
        answer = await sent(store.business, "receipt", *lines)
        assert faults_of(answer) == [
            ("/lines/0/to_location_id", "unknown_location"),
            ("/lines/0/quantity", "quantity_precision"),
            ("/lines/1/item_id", "unknown_item"),
        ]

    async def test_is_of_this_business(self, store: Store, other: Business):
        """What another business has is told apart from nothing by no answer."""
        theirs = await Store.opened(other, unit="lon")
        await theirs.receive("7")
        item, place, nothing = theirs.item_id, theirs.here, str(uuid4())
        for named in ("item_id", "to_location_id"):
            lines = [
                store.line("1", target=store.here) | {named: id} for id in (item, place, nothing)
            ]
            answers = [await sent(store.business, "receipt", line) for line in lines]
            problems = [without_id(answer.json()) for answer in answers]
            assert problems[0] == problems[1] == problems[2]
        for source in (place, nothing):
            answer = await sent(store.business, "transfer", store.line("1", source, store.here))
            assert told(answer, "unknown_location") == ["/lines/0/from_location_id"]
        assert await theirs.on_hand() == "7"

    async def test_is_a_unit_of_the_item(self, store: Store):
        for unit in ("kg", "nope", ""):
            line = store.line("1", target=store.here, unit=unit)
            answer = await sent(store.business, "receipt", line)
            assert faults_of(answer) == [("/lines/0/unit", "unknown_unit")]

    async def test_is_named_once(self, store: Store):
        for line, fault in (
            (store.line("1", target=store.here, sku="A"), ("/lines/0/sku", "not_allowed")),
            (
                {"quantity": "1", "to_location_id": store.here},
                ("/lines/0/item_id", "required"),
            ),
        ):
            assert faults_of(await sent(store.business, "receipt", line)) == [fault]


class TestArchived:
    @pytest.mark.usefixtures("nothing_is_posted")
    async def test_item_takes_part_in_nothing_new(self, store: Store):
        url = f"/v1/items/{store.item_id}"
        await store.http.patch(url, json={"status": "archived"}, headers=ANY)
        answer = await store.issue("1")
        assert told(answer, "item_archived") == ["/lines/0/item_id"]

    @pytest.mark.usefixtures("nothing_is_posted")
    async def test_location_neither_gives_nor_takes(self, store: Store):
        url = f"/v1/locations/{store.there}"
        answer = await store.http.patch(url, json={"status": "archived"}, headers=ANY)
        assert answer.status_code == 200
        for type, more in (("issue", {}), ("adjustment", {"reason": "count"})):
            line = store.line("1", store.there)
            answer = await sent(store.business, type, line, **more)
            assert told(answer, "location_archived") == ["/lines/0/from_location_id"]
        for type, source, more in (
            ("receipt", None, {}),
            ("adjustment", None, {"reason": "count"}),
            ("transfer", store.here, {}),
        ):
            line = store.line("1", source, store.there)
            answer = await sent(store.business, type, line, **more)
            assert told(answer, "location_archived") == ["/lines/0/to_location_id"]


@pytest.mark.usefixtures("nothing_is_posted")
class TestShape:
    @pytest.mark.parametrize(
        ("type", "sides", "fault"),
        [
            ("receipt", "here there", ("from_location_id", "not_allowed")),
            ("issue", "here there", ("to_location_id", "not_allowed")),
            ("issue", "- -", ("from_location_id", "required")),
            ("transfer", "here -", ("to_location_id", "required")),
            ("adjustment", "here there", ("from_location_id", "required")),
            ("adjustment", "- -", ("from_location_id", "required")),
        ],
    )
    async def test_is_that_of_the_type(
        self, store: Store, type: str, sides: str, fault: tuple[str, str]
    ):
        places = {"here": store.here, "there": store.there}
        line = store.line("1", *(places.get(side) for side in sides.split()))
        given = {"reason": "count"} if type == "adjustment" else {}
        answer = await sent(store.business, type, line, **given)
        assert faults_of(answer) == [(f"/lines/0/{fault[0]}", fault[1])]

    async def test_of_a_transfer_has_two_places(self, store: Store):
        answer = await sent(store.business, "transfer", store.line("1", store.here, store.here))
        assert told(answer, "same_account") == ["/lines/0/to_location_id"]

    async def test_has_a_reason_if_it_is_an_adjustment(self, store: Store):
        answer = await sent(store.business, "adjustment", store.line("1", store.here))
        assert faults_of(answer) == [("/reason", "required")]
        answer = await sent(store.business, "issue", store.line("1", store.here), reason="count")
        assert faults_of(answer) == [("/reason", "not_allowed")]

    async def test_knows_no_lots_yet(self, store: Store):
        answer = await sent(store.business, "issue", store.line("1", store.here, lot="L1"))
        assert faults_of(answer) == [("/lines/0", "unknown_field")]


@pytest.mark.usefixtures("nothing_is_posted")
class TestShortage:
    async def test_tells_what_each_line_asks_for_and_what_is_there(self, store: Store):
        other = id_of(await an_item_of(store.business, "B"))
        lines = [
            store.line("3", store.here),
            store.line("1", store.here, item_id=other),
            store.line("1", store.here, unit="thùng"),
        ]
        problem = problem_of(await sent(store.business, "issue", *lines), 409, "insufficient_stock")
        assert [
            (each["pointer"], each["item_id"], each["requested"], each["available"])
            for each in problem["errors"]
        ] == [
            ("/lines/0", store.item_id, "15", "5"),
            ("/lines/1", other, "1", "0"),
            ("/lines/2", store.item_id, "15", "5"),
        ]
        assert {each["location_id"] for each in problem["errors"]} == {store.here}

    async def test_is_told_as_the_document_says(self, store: Store, anonymous: httpx2.AsyncClient):
        answer = await sent(store.business, "issue", store.line("6", store.here))
        [error] = problem_of(answer, 409, "insufficient_stock")["errors"]
        document = (await anonymous.get("/openapi.json")).json()
        told = document["components"]["schemas"]["FieldProblem"]["properties"]
        assert {*error} == {*told} - {"short_at"}  # of a document of the past alone
        responses = document["paths"]["/v1/stock/transactions"]["post"]["responses"]
        examples = responses["409"]["content"]["application/problem+json"]["examples"]
        [example] = examples["insufficient_stock"]["value"]["errors"]
        assert {*example} == {*error}
        for name in error:
            schema = told[name]
            [kind, *_] = schema.get("anyOf", [schema])
            for value in (error[name], example[name]):
                assert re.search(kind.get("pattern", ""), value), name
                assert len(value) <= kind["maxLength"], name

    async def test_may_be_of_more_than_any_balance_can_tell(self, store: Store):
        lines = [store.line("9" * 14, store.here)] * 500
        problem = problem_of(await sent(store.business, "issue", *lines), 409, "insufficient_stock")
        assert len(problem["errors"]) == 500
        assert {each["requested"] for each in problem["errors"]} == {str(500 * (10**14 - 1))}

    async def test_posts_nothing_of_a_document_most_of_which_is_there(self, store: Store):
        lines = [store.line("1", store.here, store.there)] * 6
        answer = await sent(store.business, "transfer", *lines)
        problem_of(answer, 409, "insufficient_stock")

    async def test_is_told_where_nothing_has_ever_been(self, store: Store):
        answer = await sent(store.business, "issue", store.line("1", store.there))
        [error] = problem_of(answer, 409, "insufficient_stock")["errors"]
        assert (error["requested"], error["available"]) == ("1", "0")


class TestWhatHasStock:
    async def test_is_not_deleted(self, store: Store):
        for url, code in (
            (f"/v1/items/{store.item_id}", "item_in_use"),
            (f"/v1/locations/{store.here}", "location_in_use"),
        ):
            problem_of(await store.http.delete(url, headers=ANY), 409, code)

    async def test_keeps_the_unit_that_it_is_counted_in(self, store: Store):
        url = f"/v1/items/{store.item_id}"
        removed = await store.http.delete(f"{url}/conversions/thùng")
        assert removed.status_code == 204
        answer = await store.http.patch(url, json={"unit": "kg"}, headers=ANY)
        problem_of(answer, 409, "unit_in_use")
        row: dict[str, Any] = {"sku": "A", "name": "A", "unit": "kg"}
        answer = await store.http.post("/v1/items/batch", json={"items": [row]})
        problem_of(answer, 409, "unit_in_use")

    async def test_is_not_archived_if_it_is_a_location(self, store: Store):
        url, archived = f"/v1/locations/{store.here}", {"status": "archived"}
        for language, word in (("vi", "còn hàng"), ("en", "stock")):
            headers = ANY | {"Accept-Language": language}
            answer = await store.http.patch(url, json=archived, headers=headers)
            assert word in problem_of(answer, 409, "location_has_stock")["title"]
        assert (await shown(store.business, url))["version"] == 1
        assert (await store.issue("5")).status_code == 201
        answer = await store.http.patch(url, json=archived, headers=ANY)
        assert answer.json()["status"] == "archived"

    async def test_may_be_archived_if_it_is_an_item(self, store: Store):
        url = f"/v1/items/{store.item_id}"
        answer = await store.http.patch(url, json={"status": "archived"}, headers=ANY)
        assert answer.status_code == 200
        assert await store.on_hand() == "5"

    @pytest.mark.parametrize("unit", ["cái", "thùng"])
    async def test_keeps_the_decimals_of_the_units_that_it_is_told_in(
        self, store: Store, unit: str
    ):
        url = f"/v1/units/{unit}"
        for language, word in (("vi", "thập phân"), ("en", "decimals")):
            headers = {"Accept-Language": language}
            answer = await store.http.patch(url, json={"decimals": 2}, headers=headers)
            assert word in problem_of(answer, 409, "unit_in_use")["title"]
        answer = await store.http.patch(url, json={"decimals": 0, "name": "khác"})
        assert answer.json() == {"code": unit, "name": "khác", "decimals": 0}

    async def test_keeps_no_unit_of_items_that_have_not_moved(self, store: Store):
        await an_item_of(store.business, "B", unit="kg")
        answer = await store.http.patch("/v1/units/kg", json={"decimals": 1})
        assert answer.json()["decimals"] == 1


class TestPlaceBelow:
    async def test_may_hold_stock_of_its_own(self, store: Store):
        bin_ = id_of(await a_location_of(store.business, "A1", f"/{store.here}"))
        answer = await sent(store.business, "transfer", store.line("2", store.here, bin_))
        assert answer.status_code == 201
        assert await store.on_hand(bin_) == "2"
