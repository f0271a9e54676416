"""The tenant-bound transaction on a real PostgreSQL, as the service's own role."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Database,
    OverloadedError,
    Statement,
)
from sokho.core.infrastructure.database.statements import TENANT_SETTING
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.tenants.infrastructure.tables import tenants

_OPEN = Statement(
    sa.insert(tenants).values(id=p("id"), name=p("name"), state="active", created_at=sa.func.now())
)
_OURS = Statement(sa.select(tenants.c.id).where(tenants.c.id == TENANT))
_WITHOUT_PREDICATE = Statement(sa.select(tenants.c.id))
_PID = Statement(sa.select(sa.func.pg_backend_pid().label("pid"), TENANT.label("tenant")))
_SLEEP = Statement(sa.select(sa.func.pg_sleep(sa.literal(30, sa.Float)), TENANT.label("tenant")))


@pytest.fixture
async def small(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection: whoever leaks it or leaves something on it is found out."""
    database = Database(urls.app, pool_size=1)
    yield database
    await database.close()


async def a_tenant(database: Database) -> UUID:
    tenant_id = uuid4()
    async with database.transaction(tenant_id) as tx:
        await tx.fetch_all(_OPEN, id=tenant_id, name="x")
    return tenant_id


async def terminate(pid: int, urls: DatabaseUrls) -> None:
    admin = await asyncpg.connect(urls.admin)
    await admin.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
    await admin.close()


async def backends(database: Database) -> int:
    async with database.unbound() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
        return pid


class TestBinding:
    @pytest.mark.parametrize("read_only", [True, False])
    async def test_rows_of_the_bound_tenant_alone_are_seen_even_without_a_predicate(
        self, small: Database, read_only: bool
    ):
        ours, theirs = await a_tenant(small), await a_tenant(small)
        statement = Statement(
            sa.select(tenants.c.id).where(sa.or_(TENANT.is_not(None), tenants.c.id == TENANT))
        )
        async with small.transaction(ours, read_only=read_only) as tx:
            rows = [row["id"] for row in await tx.fetch_all(statement)]
        assert rows == [ours]
        assert theirs not in rows

    async def test_nothing_stays_on_the_connection_afterwards(self, small: Database):
        tenant_id = await a_tenant(small)
        for read_only in (True, False):
            async with small.transaction(tenant_id, read_only=read_only) as tx:
                assert await tx.fetch_one(_OURS)
            async with small.unbound() as connection:
                left = await connection.fetchval("SELECT current_setting($1, true)", TENANT_SETTING)
                assert not left

    async def test_unbound_a_sealed_table_raises(self, urls: DatabaseUrls):
        fresh = await asyncpg.connect(urls.app)
        with pytest.raises(asyncpg.UndefinedObjectError):
            await fresh.fetch("SELECT * FROM tenants")
        await fresh.close()

    async def test_after_a_transaction_a_sealed_table_raises(self, small: Database):
        await a_tenant(small)
        async with small.unbound() as connection:
            with pytest.raises(asyncpg.InvalidTextRepresentationError):
                await connection.fetch("SELECT * FROM tenants")

    async def test_a_row_of_another_tenant_cannot_be_written(self, small: Database):
        tx = small.transaction(uuid4())
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.fetch_all(_OPEN, id=uuid4(), name="x")
        await tx.rollback()

    async def test_only_a_uuid_can_become_the_literal(self, small: Database):
        tx = small.transaction("'; DROP TABLE items; --")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await tx.fetch_all(_WITHOUT_PREDICATE)

    @pytest.mark.parametrize("plan", ["force_generic_plan", "force_custom_plan"])
    @pytest.mark.parametrize("off", ["nestloop", "hashjoin", "indexscan", "seqscan"])
    @pytest.mark.parametrize("planned_once", [False, True])
    async def test_one_trip_reads_bind_first_under_every_plan(
        self, small: Database, plan: str, off: str, *, planned_once: bool
    ):
        mine = sa.select(tenants.c.id).where(tenants.c.id == TENANT, tenants.c.name == p("name"))
        named = Statement(mine, planned_once=planned_once)
        ours, theirs = await a_tenant(small), await a_tenant(small)
        async with small.unbound() as connection:
            await connection.execute(f"SET plan_cache_mode = {plan}; SET enable_{off} = off")
        for _ in range(7):  # PostgreSQL weighs a generic plan from the sixth time on
            for tenant_id in (ours, theirs):
                async with small.transaction(tenant_id, read_only=True) as tx:
                    assert [row["id"] for row in await tx.fetch_all(_OURS)] == [tenant_id]
                    assert await tx.fetch_all(named, name="x") != []
                    assert await tx.fetch_all(named, name="y") == []


class TestRoundTrips:
    async def test_a_read_costs_one(self, small: Database):
        async with small.transaction(uuid4(), read_only=True) as tx:
            await tx.fetch_all(_OURS)
        assert tx.round_trips == 1

    async def test_a_write_costs_one_more_than_binding_and_committing(self, small: Database):
        async with small.transaction(uuid4()) as tx:
            await tx.fetch_all(_OPEN, id=tx.tenant_id, name="x")
        assert tx.round_trips == 3

    async def test_a_transaction_that_runs_nothing_costs_nothing(self, urls: DatabaseUrls):
        unreachable = Database(urls.app.replace("port=5432", "port=1"), pool_size=1)
        async with unreachable.transaction(uuid4()) as tx:
            pass
        assert tx.round_trips == 0


class TestEnding:
    async def test_a_raised_error_undoes_the_work(self, small: Database):
        tenant_id = uuid4()
        with pytest.raises(ZeroDivisionError):
            async with small.transaction(tenant_id) as tx:
                await tx.fetch_all(_OPEN, id=tenant_id, name="x")
                raise ZeroDivisionError
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert await tx.fetch_all(_OURS) == []

    async def test_a_swallowed_failure_is_not_committed_silently(self, small: Database):
        tenant_id = uuid4()
        with pytest.raises(RuntimeError, match="rolled back"):
            async with small.transaction(tenant_id) as tx:
                await tx.fetch_all(_OPEN, id=tenant_id, name="x")
                with pytest.raises(ConstraintViolationError) as violation:
                    await tx.fetch_all(_OPEN, id=tenant_id, name="x")
        assert violation.value.constraint == "tenants_pkey"
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert await tx.fetch_all(_OURS) == []

    async def test_it_cannot_be_used_after_its_end(self, small: Database):
        async with small.transaction(uuid4()) as tx:
            await tx.fetch_all(_OURS)
        with pytest.raises(RuntimeError, match="ended"):
            await tx.fetch_all(_OURS)

    async def test_a_cancelled_statement_closes_its_connection(self, small: Database):
        before = await backends(small)
        for read_only in (True, False):

            async def sleep(read_only: bool = read_only) -> None:
                async with small.transaction(uuid4(), read_only=read_only) as tx:
                    await tx.fetch_all(_SLEEP)

            task = asyncio.create_task(sleep())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = await backends(small)
            assert after != before
            before = after


class TestLostConnection:
    """The one place in the pool must be free again, whenever the connection goes."""

    @pytest.mark.parametrize("ending", ["commit", "rollback"])
    async def test_before_the_end_is_overload_and_costs_no_place(
        self, small: Database, urls: DatabaseUrls, ending: str
    ):
        tenant_id = uuid4()
        tx = small.transaction(tenant_id)
        await tx.fetch_all(_OPEN, id=tenant_id, name="x")
        pid = await tx.fetch_one(_PID)
        assert pid is not None
        await terminate(pid["pid"], urls)
        if ending == "commit":
            with pytest.raises(OverloadedError):
                await tx.commit()
        else:
            await tx.rollback()
        async with small.transaction(tenant_id, read_only=True) as again:
            assert await again.fetch_all(_OURS) == []

    @pytest.mark.parametrize("code", ["53100", "40001", "40P01", "55P03", "57014"])
    async def test_a_commit_that_the_database_cannot_do_now_is_overload(
        self, scratch: DatabaseUrls, code: str
    ):
        admin = await asyncpg.connect(scratch.admin)
        await admin.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;"
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tenants DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
        await admin.close()
        database = Database(scratch.app, pool_size=1)
        for _ in range(3):
            tenant_id = uuid4()
            with pytest.raises(OverloadedError):
                async with database.transaction(tenant_id) as tx:
                    await tx.fetch_all(_OPEN, id=tenant_id, name="x")
        await database.close()

    async def test_of_an_unbound_look_is_overload(self, small: Database, urls: DatabaseUrls):
        with pytest.raises(OverloadedError):
            async with small.unbound() as connection:
                await terminate(await connection.fetchval("SELECT pg_backend_pid()"), urls)
                await connection.fetchval("SELECT 1")
        assert await backends(small)

    async def test_left_in_a_transaction_is_not_lent_again(self, small: Database):
        async with small.unbound() as connection:
            before = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("BEGIN")
        assert await backends(small) != before


class TestOneAtATime:
    @pytest.mark.parametrize("read_only", [True, False])
    async def test_two_statements_at_once_are_refused(self, small: Database, read_only: bool):
        """Cold, a driver would open two transactions; the second would be lost."""
        async with small.transaction(uuid4(), read_only=read_only) as tx:
            both = await asyncio.gather(
                tx.fetch_all(_OURS), tx.fetch_all(_OURS), return_exceptions=True
            )
        assert [type(each) for each in both] == [list, RuntimeError]

    async def test_a_read_runs_nothing_but_a_select(self, small: Database):
        async with small.transaction(uuid4(), read_only=True) as tx:
            with pytest.raises(RuntimeError, match="SELECT"):
                await tx.fetch_all(_OPEN, id=tx.tenant_id, name="x")


class TestPool:
    async def test_who_waits_too_long_is_refused_and_the_place_is_not_lost(self, small: Database):
        async with small.unbound():
            with pytest.raises(OverloadedError):
                async with small.transaction(uuid4(), read_only=True) as tx:
                    await tx.fetch_all(_OURS)
        async with small.transaction(uuid4(), read_only=True) as tx:
            assert await tx.fetch_all(_OURS) == []

    async def test_a_cancelled_wait_gives_its_place_to_the_next(self, small: Database):
        async def read() -> int:
            async with small.transaction(uuid4(), read_only=True) as tx:
                return len(await tx.fetch_all(_OURS))

        async with small.unbound():
            first, second = asyncio.create_task(read()), asyncio.create_task(read())
            await asyncio.sleep(0)
            first.cancel()
        assert await asyncio.gather(first, second, return_exceptions=True)
        assert second.result() == 0
        assert await read() == 0

    async def test_a_turn_that_comes_as_its_waiter_leaves_goes_on(self, small: Database):
        async def read() -> int:
            async with small.transaction(uuid4(), read_only=True) as tx:
                return len(await tx.fetch_all(_OURS))

        async with small.unbound():
            waiter = asyncio.create_task(read())
            await asyncio.sleep(0)
        waiter.cancel()  # in the same instant: its turn is there, but it has not run yet
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert await read() == 0

    async def test_many_share_few_connections(self, urls: DatabaseUrls):
        database = Database(urls.app, pool_size=3)

        async def connection_of_a_read() -> int:
            async with database.unbound() as connection:
                pid: int = await connection.fetchval("SELECT pg_backend_pid()")
                return pid

        pids = await asyncio.gather(*(connection_of_a_read() for _ in range(60)))
        assert len(set(pids)) <= 3
        await database.close()

    async def test_an_unreachable_database_is_told_at_once(self, urls: DatabaseUrls):
        unreachable = Database(urls.app.replace("port=5432", "port=1"), pool_size=1)
        for _ in range(3):  # and the only place is free again each time
            with pytest.raises(OverloadedError):
                async with unreachable.transaction(uuid4(), read_only=True) as tx:
                    await tx.fetch_all(_OURS)

    async def test_a_connection_that_the_server_closed_is_replaced(
        self, small: Database, urls: DatabaseUrls
    ):
        before = await backends(small)
        await terminate(before, urls)
        await asyncio.sleep(0.05)
        assert await backends(small) != before

    async def test_without_prepared_statements_everything_still_works(self, urls: DatabaseUrls):
        database = Database(urls.app, pool_size=1, prepared_statements=False)
        tenant_id = await a_tenant(database)
        async with database.transaction(tenant_id, read_only=True) as tx:
            assert len(await tx.fetch_all(_OURS)) == 1
        async with database.unbound() as connection:
            assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
        await database.close()


class TestTimeouts:
    async def test_a_statement_that_takes_too_long_is_told_as_overload(self, small: Database):
        async with small.unbound() as connection:
            limit = await connection.fetchval("SHOW statement_timeout")
            assert limit == "5s"
            await connection.execute("SET statement_timeout = '20ms'")
        with pytest.raises(OverloadedError):
            async with small.transaction(uuid4(), read_only=True) as tx:
                await tx.fetch_all(_SLEEP)
