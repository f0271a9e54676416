"""What the service may do with the table of events, and that its statements do it."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

import sokho.modules
from sokho.core.infrastructure.database import Database, Statement
from sokho.core.infrastructure.database.events import recording
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.integration.changes import HAPPENED
from tests.recorded import Recorded


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
        assert modules == {
            *("api_keys", "audit", "items", "locations", "stock", "tenants", "units"),
        }
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
