"""Locking the books up to a date, and what may still be posted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.verification import verify
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.verification import PostgresLedgerCheck
from tests.altered_function import ENTER, TAKES_TURN, altered
from tests.api.problems import faults_of, problem_of
from tests.api.reserved import act, reserved
from tests.api.stocked import Store, reversed_
from tests.conftest import Business, a_key_with, client_of
from tests.recorded import Recorded

LOCK: Final = "/v1/stock/period-lock"
FEBRUARY: Final = "2026-02-01T00:00:00Z"
IN_JANUARY: Final = "2026-01-31T23:59:59.999999Z"

# Between what is looked up and what is written.
_PAUSE: Final = ("    IF posts AND", "    PERFORM pg_advisory_xact_lock(4711);\n    IF posts AND")
_WAITING: Final = "EXISTS (SELECT FROM pg_locks WHERE objid = 4711 AND NOT granted)"


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


@pytest.fixture
def seal(derived_keys: DerivedKeys) -> Seal:
    return Seal(derived_keys.ledger_id, derived_keys.ledger)


async def put(http: httpx2.AsyncClient, locked_before: str | None, version: int) -> httpx2.Response:
    body = {"locked_before": locked_before, "version": version}
    return await http.put(LOCK, json=body)


async def locked(http: httpx2.AsyncClient, locked_before: str | None, version: int) -> Any:
    answer = await put(http, locked_before, version)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until(connection: "asyncpg.Connection[asyncpg.Record]", condition: str) -> None:
    """Wait until a condition of the database holds, ten seconds at most."""
    for _ in range(1_000):
        if await connection.fetchval(f"SELECT {condition}"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(condition)


async def findings(store: Store, app: FastAPI) -> set[str]:
    database = app.state.database
    async with database.transaction(store.business.tenant_id, read_only=True) as tx:
        found = await verify(PostgresLedgerCheck(tx, app.state.ledger_seal), most_findings=100)
    return {f"{each.fault.invariant} {each.fault} {each.row}" for each in found.findings}


class TestLock:
    async def test_is_none_at_first(self, store: Store):
        answer = await store.http.get(LOCK)
        assert answer.json() == {
            "locked_before": None,
            "version": 0,
            "set_at": None,
            "actor": None,
        }

    async def test_keeps_documents_out_of_what_lies_before_it(self, store: Store, app: FastAPI):
        early = await store.receive("9", effective_at=IN_JANUARY)
        lock = await locked(store.http, FEBRUARY, 0)
        assert (lock["locked_before"], lock["version"]) == (FEBRUARY, 1)
        assert lock["actor"].startswith("api_key:")
        assert (await store.http.get(LOCK)).json() == lock
        for answer in (
            await store.issue("1", effective_at=IN_JANUARY),
            await store.transfer("1", effective_at="2020-01-01T00:00:00Z"),
        ):
            problem_of(answer, 409, "period_locked")
        assert await store.on_hand() == "9"
        for effective_at in (FEBRUARY, None):
            given = {"effective_at": effective_at} if effective_at else {}
            assert (await store.issue("1", **given)).status_code == 201
        # What was posted before stays, and can be undone: by a document of now.
        assert (await reversed_(store.business, early["id"])).status_code == 409
        await store.receive("2")
        assert (await reversed_(store.business, early["id"])).status_code == 201
        assert await findings(store, app) == set()

    async def test_is_opened_again_and_its_history_stays(self, store: Store, app: FastAPI):
        await locked(store.http, FEBRUARY, 0)
        await locked(store.http, "2026-01-01T00:00:00Z", 1)
        late = await store.receive("1", effective_at=IN_JANUARY)
        await locked(store.http, FEBRUARY, 2)
        await locked(store.http, None, 3)
        await store.receive("1", effective_at="2020-01-01T00:00:00Z")
        assert late["document_no"]
        assert await findings(store, app) == set()
        events = await Recorded(app.state.database, store.business.tenant_id).all()
        told = [
            (event["type"], event["changes"]["locked_before"])
            for event in events
            if event["type"].startswith("stock.period_")
        ]
        december = "2026-01-01T00:00:00Z"
        assert sorted(told, key=str) == sorted(
            [
                ("stock.period_locked", {"before": None, "after": FEBRUARY}),
                ("stock.period_reopened", {"before": FEBRUARY, "after": december}),
                ("stock.period_locked", {"before": december, "after": FEBRUARY}),
                ("stock.period_reopened", {"before": FEBRUARY, "after": None}),
            ],
            key=str,
        )

    async def test_keeps_reservations_from_being_issued_there(self, store: Store):
        await store.receive("9", effective_at="2025-12-01T00:00:00Z")
        promise = await reserved(store, "4")
        await locked(store.http, FEBRUARY, 0)
        header = {"effective_at": IN_JANUARY}
        answer = await act(store.business, promise["id"], "confirm", header)
        problem_of(answer, 409, "period_locked")
        assert (await act(store.business, promise["id"], "confirm")).status_code == 200

    async def test_that_says_the_same_is_no_new_version(self, store: Store):
        first = await locked(store.http, FEBRUARY, 0)
        assert await locked(store.http, FEBRUARY, 1) == first

    async def test_is_set_by_who_has_seen_the_last_one(self, store: Store):
        await locked(store.http, FEBRUARY, 0)
        problem_of(await put(store.http, None, 0), 412, "precondition_failed")
        problem_of(await put(store.http, None, 2), 412, "precondition_failed")
        assert (await store.http.get(LOCK)).json()["version"] == 1

    async def test_is_set_once_by_two_at_the_same_time(self, store: Store):
        answers = await asyncio.gather(
            *(put(store.http, f"2026-01-{day:02}T00:00:00Z", 0) for day in range(1, 6))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            ({"locked_before": "2999-01-01T00:00:00Z", "version": 0}, "/locked_before in_future"),
            ({"version": 0}, "/locked_before required"),
            ({"locked_before": None}, "/version required"),
            ({"locked_before": "hôm nay", "version": 0}, "/locked_before "),
            ({"locked_before": None, "version": "0"}, "/version "),
            ({"locked_before": None, "version": -1}, "/version "),
            ({"locked_before": None, "version": 0, "x": 1}, " unknown_field"),
        ],
    )
    async def test_that_does_not_fit_is_refused(
        self, store: Store, body: dict[str, Any], faults: str
    ):
        [(pointer, code)] = faults_of(await store.http.put(LOCK, json=body))
        assert f"{pointer} {code}".startswith(faults)

    async def test_is_of_one_business(self, store: Store, other: Business):
        await locked(other.http, FEBRUARY, 0)
        await store.receive("1", effective_at=IN_JANUARY)
        assert (await store.http.get(LOCK)).json()["version"] == 0


class TestLockAndPost:
    """Whoever posts has read what is locked: nobody locks it behind his back."""

    async def race(
        self, store: Store, scratch: DatabaseUrls, *changes: tuple[str, str]
    ) -> tuple[httpx2.Response, datetime, bool]:
        """Post into January, and lock it when the document has looked at the lock.

        Return the answer, when the lock was set, and whether that was before the document's end.
        """
        await store.receive("5", effective_at="2026-01-01T00:00:00Z")
        body = {
            "type": "receipt",
            "lines": [store.line("1", target=store.here)],
            "effective_at": IN_JANUARY,
        }
        admin = await asyncpg.connect(scratch.admin)
        async with altered(admin, ENTER, _PAUSE, *changes):
            await admin.execute("SELECT pg_advisory_lock(4711)")
            posting = asyncio.create_task(
                store.http.post(
                    "/v1/stock/transactions", json=body, headers={"Idempotency-Key": "k"}
                )
            )
            await until(admin, _WAITING)
            locking = asyncio.create_task(put(store.http, FEBRUARY, 0))
            done, _ = await asyncio.wait([locking], timeout=0.5)
            await admin.execute("SELECT pg_advisory_unlock(4711)")
            answer, lock = await posting, await locking
        await admin.close()
        assert lock.status_code == 200
        return answer, datetime.fromisoformat(lock.json()["set_at"]), bool(done)

    async def found(self, alone: Business, scratch: DatabaseUrls, seal: Seal) -> set[str]:
        database = Database(scratch.app, pool_size=1)
        async with database.transaction(alone.tenant_id, read_only=True) as tx:
            found = await verify(PostgresLedgerCheck(tx, seal), most_findings=100)
        await database.close()
        return {f"{each.fault.invariant} {each.fault} {each.row}" for each in found.findings}

    async def test_take_turns(self, alone: Business, scratch: DatabaseUrls, seal: Seal):
        store = await Store.opened(alone)
        answer, set_at, overtakes = await self.race(store, scratch)
        assert not overtakes
        assert answer.status_code == 201
        assert datetime.fromisoformat(answer.json()["posted_at"]) <= set_at
        assert await self.found(alone, scratch, seal) == set()

    async def test_pass_each_other_without_the_turn(
        self, alone: Business, scratch: DatabaseUrls, seal: Seal
    ):
        """The control: the document lands in what is locked, and the check tells."""
        store = await Store.opened(alone)
        answer, set_at, overtakes = await self.race(store, scratch, (TAKES_TURN, ""))
        assert overtakes
        assert answer.status_code == 201
        assert datetime.fromisoformat(answer.json()["posted_at"]) > set_at
        document = answer.json()["id"]
        assert await self.found(alone, scratch, seal) == {
            f"I7 posted_into_locked_period {document}"
        }

    async def test_at_random_leave_nothing_in_what_is_locked(self, store: Store, app: FastAPI):
        await store.receive("500", effective_at="2025-12-01T00:00:00Z")

        async def post(day: int) -> int:
            at = f"2026-01-{day:02}T12:00:00Z"
            return (await store.issue("1", effective_at=at)).status_code

        statuses: list[int] = []
        for version, day in enumerate(range(3, 28)):
            lock = put(store.http, f"2026-01-{day:02}T00:00:00Z", version)
            days = [day - 2, day - 1, day - 1, day]
            locking, posting = await asyncio.gather(lock, asyncio.gather(*map(post, days)))
            assert locking.status_code == 200
            statuses += posting
        assert set(statuses) == {201, 409}
        assert await findings(store, app) == set()

    async def test_a_lock_is_never_set_before_a_document_that_was_posted(
        self, store: Store, app: FastAPI
    ):
        """A clock that went back: the order is kept by the times themselves."""
        posted = await store.receive("1", effective_at=IN_JANUARY)
        ahead = datetime.now(UTC) + timedelta(hours=1)
        async with app.state.database.transaction(store.business.tenant_id) as tx:
            connection = tx._connection or await tx._begin()
            await connection.execute(
                "UPDATE stock_balances SET posted_at = $1 WHERE tenant_id = $2",
                *(ahead, store.business.tenant_id),
            )
        lock = await locked(store.http, FEBRUARY, 0)
        assert datetime.fromisoformat(lock["set_at"]) == ahead
        later = await store.receive("1")
        assert datetime.fromisoformat(later["posted_at"]) > ahead
        assert datetime.fromisoformat(posted["posted_at"]) < ahead


async def test_locking_needs_its_own_scope(business: Business, app: FastAPI, derived_keys: Any):
    key = await a_key_with(
        app.state.database, derived_keys, business.tenant_id, Scope.STOCK_READ, Scope.STOCK_WRITE
    )
    async with client_of(app, key) as http:
        problem_of(await put(http, None, 0), 403, "permission_denied")
