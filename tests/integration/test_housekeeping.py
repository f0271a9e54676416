"""Chores: done when they are due, by one of however many processes, for every business."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import asyncpg
import pytest

from sokho.core.infrastructure import background
from sokho.core.infrastructure.background import beside
from sokho.core.infrastructure.database import Database, OverloadedError
from sokho.core.infrastructure.database.housekeeping import Chore, Housekeeping
from sokho.core.infrastructure.database.idempotency_keys import remove_expired
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business

HOUR = timedelta(hours=1)


class Premises:
    """Three businesses on a database of their own, and who looks after it."""

    def __init__(self, database: Database, worker: Database, admin: asyncpg.Connection) -> None:
        self.database = database
        self.worker = worker
        self.admin = admin
        self.tenants: set[UUID] = set()
        self.visited: list[UUID] = []

    async def visit(self, _: Database, tenant_id: UUID) -> None:
        self.visited.append(tenant_id)

    def housekeeping(self, *, name: str = "visits", every: timedelta = HOUR) -> Housekeeping:
        return Housekeeping(self.database, self.worker, Chore(name, every, self.visit))


@pytest.fixture
async def premises(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Premises]:
    admin = await asyncpg.connect(scratch.admin)
    database, worker = Database(scratch.app, pool_size=4), Database(scratch.worker, pool_size=2)
    made = Premises(database, worker, admin)
    for number in range(3):
        opened = await open_business(database, derived_keys, f"Quán {number}")
        made.tenants.add(opened.tenant.id)
    yield made
    await database.close()
    await worker.close()
    await admin.close()


class TestChore:
    async def test_is_done_for_every_business(self, premises: Premises):
        await premises.housekeeping().do_what_is_due()
        assert premises.visited == sorted(premises.tenants)

    async def test_is_done_once_by_however_many_processes(self, premises: Premises):
        each = [premises.housekeeping() for _ in range(6)]
        await asyncio.gather(*(one.do_what_is_due() for one in each))
        assert sorted(premises.visited) == sorted(premises.tenants)

    async def test_is_not_due_again_before_its_time(self, premises: Premises):
        for _ in range(2):
            await premises.housekeeping().do_what_is_due()
        assert len(premises.visited) == 3
        await premises.admin.execute("UPDATE chores SET begun_at = begun_at - interval '59 min'")
        await premises.housekeeping().do_what_is_due()
        assert len(premises.visited) == 3
        await premises.admin.execute("UPDATE chores SET begun_at = begun_at - interval '1 min'")
        await premises.housekeeping().do_what_is_due()
        assert len(premises.visited) == 6

    async def test_has_its_own_time(self, premises: Premises):
        for name in ("one", "two"):
            await premises.housekeeping(name=name).do_what_is_due()
        assert len(premises.visited) == 6

    async def test_goes_on_after_whatever_went_wrong(self, premises: Premises):
        failures = 3

        async def fails_at_first(_: Database, tenant_id: UUID) -> None:
            nonlocal failures
            if failures:
                failures -= 1
                raise ValueError("unforeseen" if failures else "")
            premises.visited.append(tenant_id)
            if len(premises.visited) == 3:
                done.set()

        done = asyncio.Event()
        chore = Chore("often", timedelta(0), fails_at_first)
        keeper = Housekeeping(premises.database, premises.worker, chore, look_every=0.01)
        async with beside(keeper.keep_going()), asyncio.timeout(10):
            await done.wait()
        assert set(premises.visited[:3]) == premises.tenants

    async def test_is_done_for_the_others_where_one_is_in_the_way(self, premises: Premises):
        first, *others = sorted(premises.tenants)

        async def fails_for_one(_: Database, tenant_id: UUID) -> None:
            if tenant_id == first:
                raise OverloadedError
            premises.visited.append(tenant_id)

        chore = Chore("visits", HOUR, fails_for_one)
        await Housekeeping(premises.database, premises.worker, chore).do_what_is_due()
        assert premises.visited == others

    async def test_is_given_up_where_all_are(self, premises: Premises):
        async def fails(_: Database, tenant_id: UUID) -> None:
            premises.visited.append(tenant_id)
            raise OverloadedError

        chore = Chore("visits", HOUR, fails)
        with pytest.raises(OverloadedError):
            await Housekeeping(premises.database, premises.worker, chore).do_what_is_due()
        assert len(premises.visited) == 3

    async def test_is_out_of_reach_of_the_service(self, premises: Premises):
        async with premises.database.unbound() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT * FROM chores")


class TestWorkBeside:
    async def test_that_fails_is_told(self, monkeypatch: pytest.MonkeyPatch):
        async def fails() -> None:
            raise ValueError("no more")

        told: list[Exception] = []
        log = SimpleNamespace(error=lambda _, exc_info: told.append(exc_info))
        monkeypatch.setattr(background, "logger", log)
        async with beside(fails()):
            await asyncio.sleep(0)
        assert [str(error) for error in told] == ["no more"]


class TestRemovingExpiredKeys:
    async def test_leaves_those_that_are_kept_still(self, premises: Premises):
        for tenant_id in premises.tenants:
            await premises.admin.execute(
                "INSERT INTO idempotency_keys SELECT $1, decode(md5(n::text), 'hex'), '', '',"
                " now() + make_interval(hours => CASE WHEN n > 1100 THEN 1 ELSE -1 END)"
                " FROM generate_series(1, 1105) AS n",
                tenant_id,
            )
        removed = [await remove_expired(premises.database, each) for each in premises.tenants]
        assert removed == [1100] * 3
        left = await premises.admin.fetch(
            "SELECT count(*), bool_and(expires_at > now()) FROM idempotency_keys GROUP BY tenant_id"
        )
        assert [tuple(row) for row in left] == [(5, True)] * 3
