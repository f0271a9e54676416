"""Migrations: up, down and up again; the tables of the code; and the steps that RLS breaks."""

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import sokho.app  # noqa: F401 - every module's tables are in the metadata then
from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.database import metadata
from sokho.core.infrastructure.database.events import Xid8
from sokho.core.infrastructure.database.migrate import MIGRATIONS, latest_revision, migrate
from sokho.core.infrastructure.database.policies import tenant_predicate
from sokho.core.infrastructure.database.row_security import (
    backfill,
    seal_table,
    validated_foreign_key,
)
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls


def move_to(urls: DatabaseUrls, revision: str) -> None:
    with ThreadPoolExecutor(1) as elsewhere:  # it runs a loop of its own
        elsewhere.submit(
            migrate,
            admin_dsn=urls.admin,
            app_dsn=urls.app,
            worker_dsn=urls.worker,
            revision=revision,
        ).result()


async def catalogue(urls: DatabaseUrls) -> list[tuple[Any, ...]]:
    """Everything that a migration can leave behind: columns, constraints, indexes, policies."""
    connection = await asyncpg.connect(urls.admin)
    rows = await connection.fetch(
        """
        SELECT 'column', table_name, column_name, data_type || is_nullable
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'constraint', conrelid::regclass::text, conname,
                         pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', tablename, indexname, indexdef
        FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'policy', tablename, policyname,
                         concat(permissive, cmd, roles, qual, with_check)
        FROM pg_policies WHERE schemaname = 'public'
        UNION ALL SELECT 'table', relname, relowner::regrole::text, relacl::text
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        ORDER BY 1, 2, 3, 4
        """
    )
    await connection.close()
    return [tuple(row) for row in rows]


class TestStairway:
    async def test_up_down_and_up_again_gives_the_same_schema(self, scratch: DatabaseUrls):
        before = await catalogue(scratch)
        assert len(before) > 50
        move_to(scratch, "base")
        assert {row[1] for row in await catalogue(scratch)} == {"alembic_version"}
        for revision in numbers():
            move_to(scratch, revision)
            move_to(scratch, "-1")
            move_to(scratch, revision)
        assert await catalogue(scratch) == before

    def test_revisions_are_numbered_in_one_line(self):
        for number, path in enumerate(files(), start=1):
            text = path.read_text()
            assert path.name.startswith(f"{number:04d}_")
            assert f'revision = "{number:04d}"' in text
            before = f'"{number - 1:04d}"' if number > 1 else "None"
            assert f"down_revision = {before}" in text
        assert latest_revision() == numbers()[-1]

    async def test_two_at_once_do_not_collide(self, scratch: DatabaseUrls):
        move_to(scratch, "base")
        await asyncio.gather(*(asyncio.to_thread(move_to, scratch, "head") for _ in range(3)))
        connection = await asyncpg.connect(scratch.app)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == numbers()[-1]
        await connection.close()

    def test_what_fails_is_told_in_a_sentence(self, scratch: DatabaseUrls):
        away = scratch._replace(admin=scratch.admin.replace("port=5432", "port=1"))
        with pytest.raises(OperatorError, match="could not be migrated"):
            move_to(away, "head")

    async def test_what_stands_in_the_way_is_told_in_a_sentence(self, scratch: DatabaseUrls):
        admin = await asyncpg.connect(scratch.admin)
        await admin.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(OperatorError, match="9999"):
            move_to(scratch, "head")
        await admin.execute("DELETE FROM alembic_version")
        with pytest.raises(OperatorError, match="already exists"):
            move_to(scratch, "head")
        await admin.close()

    def test_the_service_must_use_its_own_role(self, scratch: DatabaseUrls):
        with pytest.raises(OperatorError, match="sokho_app"):
            move_to(scratch._replace(app=scratch.admin), "head")


class TestTablesOfTheCode:
    async def test_are_those_of_the_migrations(self, scratch: DatabaseUrls):
        assert await difference(scratch) == []

    async def test_the_comparison_notices_a_difference(self, scratch: DatabaseUrls):
        admin = await asyncpg.connect(scratch.admin)
        await admin.execute(
            "ALTER TABLE items ADD surprise text; DROP INDEX item_tags_tenant_id_item_id_idx"
        )
        await admin.close()
        assert {change[0] for change in await difference(scratch)} == {
            "remove_column",
            "add_index",
        }

    async def test_every_key_leads_with_the_tenant(self, scratch: DatabaseUrls):
        for _, table, name, definition in await catalogue(scratch):
            columns = re.search(r"\(([^)]*)\)", definition or "")
            unique = "UNIQUE" in (definition or "") or "PRIMARY KEY" in (definition or "")
            if unique and columns and table not in {"tenants", "chores", "alembic_version"}:
                assert columns[1].startswith("tenant_id"), (name, definition)


@pytest.fixture
async def owner(scratch: DatabaseUrls) -> AsyncIterator["Owner"]:
    """Alembic's operations on a scratch database, as the owner, on two sealed tables."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(scratch.admin),
        poolclass=NullPool,
    )
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET ROLE sokho_owner")
        yield Owner(connection)
        await connection.rollback()


class Owner:
    """Runs migration steps as the owner."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def steps(self, step: Any) -> None:
        def run(connection: Connection) -> None:
            with Operations.context(MigrationContext.configure(connection)):
                step()

        await self._connection.run_sync(run)

    async def sql(self, text: str) -> Any:
        return await self._connection.exec_driver_sql(text)


ADA, BOB = uuid4(), uuid4()

_TABLES = """
CREATE TABLE shelves (tenant_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE boxes (tenant_id uuid NOT NULL, id int NOT NULL, shelf int, label text,
                    PRIMARY KEY (tenant_id, id))
"""


@pytest.fixture
async def orphan(owner: Owner) -> Owner:
    """Two sealed tables; Bob's box stands on a shelf that only Ada has."""
    for command in _TABLES.split(";"):
        await owner.sql(command)
    await owner.sql(f"INSERT INTO shelves VALUES ('{ADA}', 1)")
    await owner.sql(f"INSERT INTO boxes VALUES ('{ADA}', 1, 1), ('{BOB}', 1, 1)")
    for table in ("shelves", "boxes"):
        await owner.steps(partial(seal_table, table))
    return owner


def the_key() -> None:
    validated_foreign_key(
        "boxes_shelf_fkey", "boxes", "shelves", ["tenant_id", "shelf"], ["tenant_id", "id"]
    )


class TestValidatedForeignKey:
    async def test_finds_the_orphan_of_a_tenant_that_is_not_bound(self, orphan: Owner):
        await orphan.sql(f"SET LOCAL app.current_tenant = '{ADA}'")
        with pytest.raises(Exception, match="boxes_shelf_fkey"):
            await orphan.steps(the_key)

    async def test_without_it_the_orphan_is_accepted(self, orphan: Owner):
        """The control: this is what PostgreSQL does under FORCE with a tenant bound."""
        await orphan.sql(f"SET LOCAL app.current_tenant = '{ADA}'")
        await orphan.sql(
            "ALTER TABLE boxes ADD CONSTRAINT plain FOREIGN KEY (tenant_id, shelf) "
            "REFERENCES shelves (tenant_id, id)"
        )

    async def test_force_is_back_afterwards(self, orphan: Owner):
        await orphan.steps(lambda: backfill("boxes", "DELETE FROM boxes WHERE shelf = 1"))
        await orphan.steps(the_key)
        forced = await orphan.sql(
            "SELECT bool_and(relforcerowsecurity) FROM pg_class "
            "WHERE relname IN ('boxes', 'shelves')"
        )
        assert forced.scalar() is True

    def test_refuses_a_key_that_does_not_pair_the_tenants(self):
        with pytest.raises(ValueError, match="pairs tenant_id"):
            validated_foreign_key("k", "boxes", "shelves", ["shelf"], ["id"])

    def test_refuses_to_clear_the_tenant(self):
        both = ["tenant_id", "shelf"]
        with pytest.raises(ValueError, match="clear"):
            validated_foreign_key("k", "boxes", "shelves", both, both, on_delete="SET NULL")


class TestBackfill:
    async def test_reaches_every_tenant(self, orphan: Owner):
        await orphan.steps(lambda: backfill("boxes", "UPDATE boxes SET label = 'old'"))
        for tenant_id in (ADA, BOB):
            await orphan.sql(f"SET LOCAL app.current_tenant = '{tenant_id}'")
            labels = await orphan.sql("SELECT label FROM boxes")
            assert labels.scalars().all() == ["old"]

    async def test_without_it_the_change_fails(self, orphan: Owner):
        with pytest.raises(Exception, match=r"app\.current_tenant"):
            await orphan.sql("UPDATE boxes SET label = 'old'")


class TestGenerator:
    def test_writes_the_strict_rule(self):
        assert tenant_predicate() == (
            "tenant_id = (SELECT current_setting('app.current_tenant')::uuid)"
        )

    @pytest.mark.parametrize("name", ["a b", 'a"b', "a;b", "A", ""])
    def test_takes_plain_identifiers_only(self, name: str):
        with pytest.raises(ValueError, match="identifier"):
            tenant_predicate(name)


def files() -> list[Any]:
    return sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))


def numbers() -> list[str]:
    return [path.name[:4] for path in files()]


async def difference(urls: DatabaseUrls) -> list[Any]:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(urls.admin),
        poolclass=NullPool,
    )

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: (kind, name) != ("table", "alembic_version"),
            },
        )
        ischema_names.setdefault("xid8", Xid8)  # which SQLAlchemy does not know
        changes: list[Any] = compare_metadata(context, metadata)
        return changes

    async with engine.connect() as connection:
        return await connection.run_sync(compare)
