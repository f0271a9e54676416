"""An event is written by the transaction of its change: with it, or not at all."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import bindparam as p

import sokho.modules
from sokho.core.domain.events import Event
from sokho.core.domain.identity import COMMAND_LINE, Origin
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Database,
    Statement,
)
from sokho.core.infrastructure.database.events import recording
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.tenants.infrastructure.tables import tenants
from tests.recorded import Recorded

OPEN: Final = Statement(
    sa.insert(tenants).values(id=p("id"), name="x", state="active", created_at=sa.func.now())
)
RENAME: Final = Statement(sa.update(tenants).where(tenants.c.id == TENANT).values(name=p("name")))
READ: Final = Statement(sa.select(tenants.c.name).where(tenants.c.id == TENANT))
WHICH: Final = Statement(
    sa.select(
        sa.cast(sa.func.pg_current_xact_id(), sa.Text).label("xid"),
        sa.func.now().label("began"),
        TENANT.label("tenant"),
    )
)

HAPPENED: Final = Event("thing.happened", "a/b", {"name": {"before": None, "after": "é\u2028"}})
AGAIN: Final = Event("thing.happened_again", None, {})


@pytest.fixture
async def small(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection: whoever holds it keeps everybody else out."""
    database = Database(urls.app, pool_size=1)
    yield database
    await database.close()


@pytest.fixture
async def tenant_id(small: Database) -> UUID:
    id = uuid4()
    async with small.transaction(id) as tx:
        await tx.fetch_all(OPEN, id=id)
    return id


@pytest.fixture
def log(small: Database, tenant_id: UUID) -> Recorded:
    return Recorded(small, tenant_id)


async def types_in(log: Recorded) -> list[str]:
    return [row["type"] for row in await log.all()]


class TestWhenItIsWritten:
    async def test_with_the_next_change_it_costs_no_round_trip(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            await tx.fetch_all(RENAME, name="y")
        assert tx.round_trips == 3
        assert await types_in(log) == ["thing.happened"]

    async def test_a_read_leaves_it_to_the_next_change(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            await tx.fetch_all(READ)
            await tx.fetch_all(RENAME, name="y")
        assert tx.round_trips == 4
        assert await types_in(log) == ["thing.happened"]

    async def test_after_the_last_change_it_is_written_at_the_end(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            await tx.fetch_all(RENAME, name="y")
            tx.record(HAPPENED)
        assert tx.round_trips == 4
        assert await types_in(log) == ["thing.happened"]

    async def test_each_change_takes_one_and_the_end_the_rest(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            tx.record(AGAIN)
            await tx.fetch_all(RENAME, name="y")
            tx.record(HAPPENED)
        assert tx.round_trips == 5
        rows = await log.all()
        assert [row["type"] for row in rows] == [HAPPENED.type, AGAIN.type, HAPPENED.type]
        assert len({row["id"] for row in rows}) == 3
        assert len({row["xid"] for row in rows}) == 1

    async def test_the_change_returns_what_it_returns_without_an_event(
        self, small: Database, tenant_id: UUID
    ):
        returning: Any = RENAME.clause
        statement = Statement(returning.returning(tenants.c.name))
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            rows = await tx.fetch_all(statement, name="y")
        assert [dict(row) for row in rows] == [{"name": "y"}]

    async def test_without_any_change_it_is_written_too(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
        assert tx.round_trips == 3
        assert await types_in(log) == ["thing.happened"]


class TestWhatIsUndone:
    async def test_leaves_no_event(self, small: Database, tenant_id: UUID, log: Recorded):
        with pytest.raises(ZeroDivisionError):
            async with small.transaction(tenant_id, origin=Origin("x", "ai đó")) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="y")
                tx.record(AGAIN)
                raise ZeroDivisionError
        assert await log.all() == []
        assert await log.actors() == {}

    async def test_a_refused_change_leaves_no_event(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        with pytest.raises(ConstraintViolationError):
            async with small.transaction(tenant_id, origin=Origin("x", "ai đó")) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="")
        assert await log.all() == []
        assert await log.actors() == {}

    async def test_an_event_that_cannot_be_written_undoes_the_change(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        nul = Event("thing.happened", "\0", {})
        with pytest.raises(asyncpg.PostgresError):
            async with small.transaction(tenant_id) as tx:
                await tx.fetch_all(RENAME, name="y")
                tx.record(nul)
        assert await log.all() == []
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert [row["name"] for row in await tx.fetch_all(READ)] == ["x"]
        async with small.transaction(tenant_id) as tx:  # and the connection is back
            await tx.fetch_all(RENAME, name="z")


class TestWhatIsWritten:
    async def test_is_the_event_and_where_it_comes_from(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        origin = Origin("api_key:1", "nv-042", uuid4())
        async with small.transaction(tenant_id, origin=origin) as tx:
            which = await tx.fetch_one(WHICH)
            await tx.fetch_all(Statement(sa.select(sa.func.pg_sleep(0.01), TENANT)))
            tx.record(HAPPENED)
            await tx.fetch_all(RENAME, name="y")
            tx.record(AGAIN)
        assert which is not None
        for row, event in zip(await log.all(), (HAPPENED, AGAIN), strict=True):
            assert (row["type"], row["resource_id"]) == (event.type, event.resource_id)
            assert row["changes"] == event.changes
            assert row["tenant_id"] == tenant_id
            assert (row["xid"], row["created_at"]) == (int(which["xid"]), which["began"])
            assert (row["actor"], row["request_id"]) == ("api_key:1", origin.request_id)
            assert row["name"] == "nv-042"

    async def test_of_the_command_line_names_it_alone(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
        [row] = await log.all()
        assert (row["actor"], row["on_behalf_of"], row["request_id"]) == (
            COMMAND_LINE.actor,
            None,
            None,
        )


class TestOnBehalfOf:
    async def test_somebody_is_one_id_in_a_tenant(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        """Whoever is met first costs two round trips, whoever is known costs one."""
        for name, trips in (("Lan", 5), ("Lan", 4), ("lan", 5), ("Lan", 4)):
            async with small.transaction(tenant_id, origin=Origin("x", name)) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="y")
            assert tx.round_trips == trips
        rows = await log.all()
        assert [row["name"] for row in rows] == ["Lan", "Lan", "lan", "Lan"]
        assert await log.actors() == {
            rows[0]["on_behalf_of"]: "Lan",
            rows[2]["on_behalf_of"]: "lan",
        }

    async def test_is_asked_for_once_in_a_transaction(self, small: Database, tenant_id: UUID):
        async with small.transaction(tenant_id, origin=Origin("x", "Lan")) as tx:
            for name in ("y", "z"):
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name=name)
        assert tx.round_trips == 6

    @pytest.mark.parametrize("ends_well", [True, False])
    async def test_two_who_meet_somebody_at_once_agree(
        self, database: Database, tenant_id: UUID, log: Recorded, ends_well: bool
    ):
        origin = Origin("x", "Lan")

        async def second() -> None:
            async with database.transaction(tenant_id, origin=origin) as tx:
                tx.record(AGAIN)

        first = database.transaction(tenant_id, origin=origin)
        first.record(HAPPENED)
        await first.fetch_all(RENAME, name="y")
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await (first.commit() if ends_well else first.rollback())
        await waiting
        rows = await log.all()
        assert len(rows) == 1 + ends_well
        assert {row["name"] for row in rows} == {"Lan"}
        assert len(await log.actors()) == 1

    async def test_the_same_name_elsewhere_is_somebody_else(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        ids = set()
        for tenant in (tenant_id, elsewhere := uuid4()):
            async with small.transaction(tenant, origin=Origin("x", "Lan")) as tx:
                tx.record(HAPPENED)
        ids = {*await log.actors(), *await Recorded(small, elsewhere).actors()}
        assert len(ids) == 2


class TestTraceability:
    async def test_of_a_change_needs_an_event(self, small: Database, tenant_id: UUID):
        async with small.transaction(tenant_id) as tx:
            await tx.fetch_all(READ)
            assert tx.is_traceable
            await tx.fetch_all(RENAME, name="y")
            assert not tx.is_traceable
            tx.record(HAPPENED)
            assert tx.is_traceable

    async def test_a_read_refuses_to_record(self, small: Database, tenant_id: UUID, log: Recorded):
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert tx.is_traceable
            with pytest.raises(RuntimeError, match=r"thing\.happened"):
                tx.record(HAPPENED)
        assert await log.all() == []


def writing_statements() -> Iterator[tuple[str, Statement]]:
    """Yield every change that a module can make, by name."""
    for info in pkgutil.walk_packages(sokho.modules.__path__, "sokho.modules."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Statement) and value.writes:
                yield f"{info.name.removeprefix('sokho.modules.')}.{name}", value


WRITING: Final = dict(writing_statements())


class TestEveryWritingStatement:
    def test_is_found(self):
        modules = {name.split(".")[0] for name in WRITING}
        assert modules == {"api_keys", "audit", "items", "tenants", "units"}
        assert len(WRITING) >= 15

    @pytest.mark.parametrize("name", WRITING)
    async def test_is_planned_with_an_event_as_one_statement(
        self, small: Database, tenant_id: UUID, name: str
    ):
        statement = WRITING[name]
        both = recording(statement)
        assert both.writes
        assert recording(statement) is both  # compiled once
        async with small.unbound() as connection:
            await connection.execute(
                f"BEGIN; SET LOCAL app.current_tenant = '{tenant_id}';"
                f"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE both_ AS {both.text}"
            )
            takes = await connection.fetchval(
                "SELECT cardinality(parameter_types) FROM pg_prepared_statements "
                "WHERE name = 'both_'"
            )
            nothing = ", ".join(["NULL"] * takes)
            plan = await connection.fetch(f"EXPLAIN EXECUTE both_({nothing})")
            await connection.execute("ROLLBACK; DEALLOCATE both_")
        lines = [line.strip() for (line,) in plan]
        assert lines.count("CTE recorded") == 1
        assert any("Insert on events" in line for line in lines)


class TestGrants:
    @pytest.mark.parametrize(
        "command",
        [
            "UPDATE events SET type = 'x' WHERE tenant_id = $1",
            "UPDATE events SET changes = '{}' WHERE tenant_id = $1",
            "DELETE FROM events WHERE tenant_id = $1",
            "SELECT 1 FROM events WHERE tenant_id = $1 FOR UPDATE",
            "TRUNCATE events",
        ],
    )
    async def test_what_is_written_stays(
        self, small: Database, tenant_id: UUID, log: Recorded, urls: DatabaseUrls, command: str
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
        before = await log.all()
        connection = await asyncpg.connect(urls.app)
        await connection.execute(f"SET app.current_tenant = '{tenant_id}'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(command, *([tenant_id] if "$1" in command else []))
        await connection.close()
        assert await log.all() == before

    async def test_nobody_writes_into_another_log(self, small: Database, tenant_id: UUID):
        async with small.unbound() as connection:
            for columns, values in (
                (
                    "events (tenant_id, id, type, actor, changes, created_at)",
                    ", 'x', 'x', '{}', now()",
                ),
                ("actors (tenant_id, id, name)", ", 'x'"),
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    await connection.execute(
                        f"BEGIN; SET LOCAL app.current_tenant = '{tenant_id}';"
                        f"INSERT INTO {columns} VALUES ('{uuid4()}', gen_random_uuid(){values})"
                    )
                await connection.execute("ROLLBACK")

    @pytest.mark.parametrize("table", ["events", "actors"])
    async def test_the_worker_reads_none(self, urls: DatabaseUrls, table: str):
        connection = await asyncpg.connect(urls.worker)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM {table}")
        await connection.close()
