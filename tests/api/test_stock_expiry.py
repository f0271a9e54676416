"""Reservations whose time is over: nobody's any more, whoever finds that out first."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.database import Row
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.infrastructure.expiry import expire_reservations
from tests.api.catalogue import an_item_of, id_of, shown
from tests.api.problems import problem_of
from tests.api.reserved import RESERVATIONS, a_line, act, asked, level, reserved
from tests.api.stocked import Store, posted, reversed_, sent
from tests.conftest import Business
from tests.recorded import Recorded

Admin = asyncpg.Connection

_REWIND: Final = """
UPDATE stock_reservations SET expires_at = clock_timestamp() - interval '1 ms'
WHERE tenant_id = $1 AND id = $2
"""


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("10")
    return store


@pytest.fixture
async def admin(urls: DatabaseUrls) -> AsyncIterator[Admin]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
async def it_is_proven(store: Store) -> AsyncIterator[None]:
    """Have the ledger of the item proven when a test is over."""
    yield
    answer = await store.http.get(f"/v1/stock/verification?item_id={store.item_id}")
    assert answer.json()["findings"] == []


async def overdue(store: Store, admin: Admin, quantity: str = "8") -> str:
    """Return the id of a reservation whose time has just ended."""
    made = await reserved(store, quantity)
    await admin.execute(_REWIND, store.business.tenant_id, UUID(made["id"]))
    return str(made["id"])


async def on_balance(store: Store, admin: Admin) -> dict[str, str]:
    """Return what the balances say is reserved, by location."""
    rows = await admin.fetch(
        "SELECT location_id, trim_scale(reserved)::text FROM stock_balances AS b "
        "JOIN stock_accounts AS a ON (a.tenant_id, a.id) = (b.tenant_id, b.account_id) "
        "WHERE a.tenant_id = $1 AND item_id = $2",
        *(store.business.tenant_id, UUID(store.item_id)),
    )
    return {str(location_id): text for location_id, text in rows}


async def expiries(app: FastAPI, store: Store) -> list[Row]:
    """Return the events of reservations that have expired."""
    rows = await Recorded(app.state.database, store.business.tenant_id).all()
    return [row for row in rows if row["type"] == "stock.reservation_expired"]


class TestExpired:
    async def test_is_told_before_anybody_wrote_it_down(self, store: Store, admin: Admin):
        id = await overdue(store, admin)
        assert (await shown(store.business, f"{RESERVATIONS}/{id}"))["state"] == "expired"
        assert await level(store) == ("10", "0", "10")
        for state, expected in (("open", []), ("expired", [id])):
            found = await store.http.get(RESERVATIONS, params={"state": state})
            assert [(row["id"], row["state"]) for row in found.json()] == [
                (each, "expired") for each in expected
            ]

    async def test_is_neither_confirmed_nor_released_nor_extended(self, store: Store, admin: Admin):
        id = await overdue(store, admin)
        for action, body in (
            *(("confirm", {}), ("release", None), ("extend", {"expires_in_seconds": 60})),
        ):
            problem_of(await act(store.business, id, action, body), 409, "reservation_expired")

    async def test_is_in_the_way_of_no_document(self, store: Store, admin: Admin):
        receipt = await store.receive("8")
        for turn in range(5):
            await overdue(store, admin, "10")
            assert (await on_balance(store, admin))[store.here] == "10"
            if turn == 0:
                answer = await reversed_(store.business, receipt["id"])
            elif turn == 1:
                answer = await sent(store.business, "issue", store.line("1", store.here))
                assert answer.status_code == 201
                assert (await on_balance(store, admin))[store.here] == "10", "it was not needed"
                answer = await store.issue("1")
            elif turn == 2:
                answer = await store.transfer("3")
            elif turn == 3:
                line = store.line("2", store.here)
                answer = await sent(store.business, "adjustment", line, reason="damage")
            else:
                answer = await asked(store.business, a_line(store, "3"))
            assert answer.status_code == 201, (turn, answer.text)
            await store.receive({0: "8", 1: "2", 2: "3", 3: "2", 4: "8"}[turn])

    async def test_is_freed_only_if_the_document_is_posted(self, store: Store, admin: Admin):
        await overdue(store, admin)
        problem = problem_of(await store.issue("11"), 409, "insufficient_stock")
        assert problem["errors"][0]["available"] == "10"
        assert (await on_balance(store, admin))[store.here] == "8"

    async def test_leaves_to_others_what_they_hold(self, store: Store, admin: Admin):
        await overdue(store, admin, "3")
        await reserved(store, "7")
        assert await level(store) == ("10", "7", "3")
        problem = problem_of(await store.issue("4"), 409, "insufficient_stock")
        assert problem["errors"][0]["available"] == "3"
        assert (await store.issue("3")).status_code == 201
        assert await on_balance(store, admin) == {store.here: "7"}


class TestFreedInPart:
    """One of its two places was needed, the other was not."""

    @pytest.fixture
    async def id(self, store: Store, admin: Admin) -> str:
        await store.transfer("4")
        lines = a_line(store, "6"), a_line(store, "4", location_id=store.there)
        made = (await asked(store.business, *lines)).json()
        await admin.execute(_REWIND, store.business.tenant_id, UUID(made["id"]))
        assert (await store.issue("6")).status_code == 201
        assert await on_balance(store, admin) == {store.here: "0", store.there: "4"}
        return str(made["id"])

    async def test_is_freed_elsewhere_when_that_is_due(self, store: Store, admin: Admin, id: str):
        line = store.line("4", store.there)
        assert (await sent(store.business, "issue", line)).status_code == 201
        assert await on_balance(store, admin) == {store.here: "0", store.there: "0"}
        assert (await shown(store.business, f"{RESERVATIONS}/{id}"))["state"] == "expired"

    async def test_is_closed_with_what_is_left(
        self, store: Store, admin: Admin, app: FastAPI, id: str
    ):
        database = app.state.database
        assert await expire_reservations(database, store.business.tenant_id) == 1
        assert await on_balance(store, admin) == {store.here: "0", store.there: "0"}
        assert (await shown(store.business, f"{RESERVATIONS}/{id}"))["state"] == "expired"

    async def test_does_not_come_back_with_a_clock_that_goes_back(
        self, store: Store, admin: Admin, id: str
    ):
        await admin.execute(
            "UPDATE stock_reservations SET expires_at = now() + interval '1 hour' WHERE id = $1",
            UUID(id),
        )
        for action, body in (
            *(("confirm", {}), ("release", None), ("extend", {"expires_in_seconds": 60})),
        ):
            problem_of(await act(store.business, id, action, body), 409, "reservation_expired")


class TestSweeping:
    async def test_closes_what_has_expired_and_nothing_else(
        self, store: Store, admin: Admin, app: FastAPI
    ):
        overdue_ids = {await overdue(store, admin, "2") for _ in range(3)}
        kept = await reserved(store, "3")
        tenant_id = store.business.tenant_id
        assert await expire_reservations(app.state.database, tenant_id) == 3
        assert await on_balance(store, admin) == {store.here: "3"}
        assert (await shown(store.business, f"{RESERVATIONS}/{kept['id']}"))["state"] == "open"
        told = await expiries(app, store)
        assert {event["resource_id"] for event in told} == overdue_ids
        assert {(event["actor"], event["request_id"]) for event in told} == {("housekeeping", None)}
        for event in told:
            assert event["changes"] == {"state": {"before": "open", "after": "expired"}}
        assert await expire_reservations(app.state.database, tenant_id) == 0

    async def test_by_many_at_once_is_done_once(self, store: Store, admin: Admin, app: FastAPI):
        other = id_of(await an_item_of(store.business, "B"))
        line = {"item_id": other, "quantity": "9", "to_location_id": store.here}
        await posted(store.business, "receipt", line)
        ids = set()
        for turn in range(8):
            lines = [a_line(store, "1"), a_line(store, "1", item_id=other)]
            made = (await asked(store.business, *lines[:: -1 if turn % 2 else 1])).json()
            await admin.execute(_REWIND, store.business.tenant_id, UUID(made["id"]))
            ids.add(made["id"])
        calls = (
            expire_reservations(app.state.database, store.business.tenant_id) for _ in range(4)
        )
        assert sum(await asyncio.gather(*calls)) == len(ids)
        told = await expiries(app, store)
        assert sorted(event["resource_id"] for event in told) == sorted(ids)
        assert await on_balance(store, admin) == {store.here: "0"}

    async def test_leaves_other_businesses_alone(
        self, store: Store, admin: Admin, app: FastAPI, other: Business
    ):
        await overdue(store, admin)
        assert await expire_reservations(app.state.database, other.tenant_id) == 0
        assert await on_balance(store, admin) == {store.here: "8"}
