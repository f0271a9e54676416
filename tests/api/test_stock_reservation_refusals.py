"""What no reservation may say: each its own code, told at its place, and nothing half-reserved."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.catalogue import an_item_of, id_of
from tests.api.problems import faults_of, problem_of, without_id
from tests.api.reserved import HOUR, RESERVATIONS, a_line, act, asked, level, reserved
from tests.api.stocked import Store
from tests.conftest import Business


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("10")
    return store


@pytest.fixture
async def nothing_is_reserved(store: Store) -> AsyncIterator[None]:
    yield
    assert await level(store) == ("10", "0", "10")
    assert (await store.http.get(RESERVATIONS)).json() == []


@pytest.mark.usefixtures("nothing_is_reserved")
class TestLine:
    @pytest.mark.parametrize(
        ("named", "code", "pointer"),
        [
            ({"item_id": str(uuid4())}, "unknown_item", "item_id"),
            ({"location_id": str(uuid4())}, "unknown_location", "location_id"),
            ({"quantity": "0"}, "quantity_out_of_range", "quantity"),
            ({"quantity": "-1"}, "quantity_out_of_range", "quantity"),
            ({"quantity": "0.5"}, "quantity_precision", "quantity"),
        ],
    )
    async def test_is_told_where_it_does_not_fit(
        self, store: Store, named: dict[str, str], code: str, pointer: str
    ):
        lines = a_line(store, "1"), a_line(store, "1") | named
        problem = problem_of(await asked(store.business, *lines), 422, code)
        assert [error["pointer"] for error in problem["errors"]] == [f"/lines/1/{pointer}"]

    async def test_is_of_this_business(self, store: Store, other: Business):
        theirs = await Store.opened(other, unit="lon")
        await theirs.receive("7")
        for named, id in (("item_id", theirs.item_id), ("location_id", theirs.here)):
            answers = [
                await asked(store.business, a_line(store, "1") | {named: each})
                for each in (id, str(uuid4()))
            ]
            problems = [without_id(answer.json()) for answer in answers]
            assert problems[0] == problems[1]
        assert await level(theirs) == ("7", "0", "7")

    async def test_is_of_a_place(self, store: Store):
        for line in ({"item_id": store.item_id, "quantity": "1"}, a_line(store, "1", lot="L1")):
            faults = faults_of(await asked(store.business, line))
            assert faults in (
                [("/lines/0/location_id", "required")],
                [("/lines/0", "unknown_field")],
            )

    async def test_is_of_nothing_that_is_archived(self, store: Store):
        url = f"/v1/items/{store.item_id}"
        await store.http.patch(url, json={"status": "archived"}, headers={"If-Match": "*"})
        problem = problem_of(await asked(store.business, a_line(store, "1")), 422, "item_archived")
        assert [error["pointer"] for error in problem["errors"]] == ["/lines/0/item_id"]

    async def test_of_what_has_never_been_there_is_short(self, store: Store):
        other = id_of(await an_item_of(store.business, "B"))
        answer = await asked(store.business, a_line(store, "1", item_id=other))
        [error] = problem_of(answer, 409, "insufficient_stock")["errors"]
        assert (error["requested"], error["available"]) == ("1", "0")


@pytest.mark.usefixtures("nothing_is_reserved")
class TestTime:
    @pytest.mark.parametrize(
        "seconds", [0, -1, 366 * 86_400 + 1, 2**63, 0.5, "60", None, True, [], 1e300]
    )
    async def test_is_a_number_of_seconds_within_bounds(self, store: Store, seconds: Any):
        answer = await asked(store.business, a_line(store, "1"), seconds=seconds)
        assert [pointer for pointer, _ in faults_of(answer)] == ["/expires_in_seconds"]

    async def test_is_not_told_as_an_instant(self, store: Store):
        body = {"lines": [a_line(store, "1")], "expires_at": "2999-01-01T00:00:00Z"}
        headers = {"Idempotency-Key": "k"}
        answer = await store.http.post(RESERVATIONS, json=body, headers=headers)
        assert {pointer for pointer, _ in faults_of(answer)} == {"", "/expires_in_seconds"}


class TestKey:
    async def test_is_needed_by_every_call_that_changes_something(self, store: Store):
        made = await reserved(store, "4")
        calls: list[tuple[str, object]] = [
            ("", {"lines": [a_line(store, "1")], "expires_in_seconds": HOUR}),
            (f"/{made['id']}/extend", {"expires_in_seconds": 2 * HOUR}),
            (f"/{made['id']}/confirm", {}),
            (f"/{made['id']}/release", None),
        ]
        for path, body in calls:
            answer = await store.http.post(RESERVATIONS + path, json=body)
            problem_of(answer, 400, "idempotency_key_required")
        assert await level(store) == ("10", "4", "6")


class TestPart:
    @pytest.mark.parametrize(
        ("lines", "faults"),
        [
            ([], [("/lines", "too_short")]),
            ([{"line_no": 3, "quantity": "1"}], [("/lines/0/line_no", "unknown_line")]),
            ([{"line_no": 0, "quantity": "1"}], [("/lines/0/line_no", "out_of_range")]),
            ([{"line_no": 1, "quantity": "5"}], [("/lines/0/quantity", "more_than_reserved")]),
            ([{"line_no": 1, "quantity": "1"}] * 2, [("/lines/1/line_no", "repeated")]),
        ],
    )
    async def test_is_of_what_is_reserved(
        self, store: Store, lines: list[object], faults: list[tuple[str, str]]
    ):
        made = await reserved(store, "4")
        answer = await act(store.business, made["id"], "confirm", {"lines": lines})
        assert faults_of(answer) == faults
        assert await level(store) == ("10", "4", "6")

    @pytest.mark.parametrize(
        ("quantity", "code"), [("0", "quantity_out_of_range"), ("0.5", "quantity_precision")]
    )
    async def test_is_a_quantity_of_its_unit(self, store: Store, quantity: str, code: str):
        made = await reserved(store, "4")
        part = {"lines": [{"line_no": 1, "quantity": quantity}]}
        problem = problem_of(await act(store.business, made["id"], "confirm", part), 422, code)
        assert [error["pointer"] for error in problem["errors"]] == ["/lines/0/quantity"]
        assert await level(store) == ("10", "4", "6")

    async def test_is_of_no_document_of_tomorrow(self, store: Store):
        made = await reserved(store, "4")
        body = {"effective_at": "2999-01-01T00:00:00Z"}
        answer = await act(store.business, made["id"], "confirm", body)
        problem = problem_of(answer, 422, "effective_at_in_future")
        assert [error["pointer"] for error in problem["errors"]] == ["/effective_at"]
        assert await level(store) == ("10", "4", "6")
