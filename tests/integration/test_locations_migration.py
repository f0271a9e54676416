"""Revision 0006 on a database with businesses in it: each gets a warehouse."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from sokho.core.domain.lines import caseless
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.locations.domain.service import FIRST_CODE, FIRST_NAME
from tests.integration.test_migrations import move_to

BUSINESSES: Final = [uuid4() for _ in range(3)]


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def before(scratch: DatabaseUrls, admin: Connection) -> DatabaseUrls:
    """A database of revision 0005 with businesses."""
    move_to(scratch, "base")
    move_to(scratch, "0005")
    for tenant_id in BUSINESSES:
        await admin.execute(
            "INSERT INTO tenants (id, name, state, created_at) VALUES ($1, 'x', 'active', now())",
            tenant_id,
        )
    return scratch


class TestUp:
    async def test_gives_every_business_the_warehouse_of_a_new_one(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0006")
        rows = await admin.fetch("SELECT * FROM locations")
        assert {row["tenant_id"] for row in rows} == {*BUSINESSES}
        assert len(rows) == len(BUSINESSES)
        for row in rows:
            assert (row["code"], row["code_key"]) == (FIRST_CODE, caseless(FIRST_CODE))
            assert (row["name"], row["kind"]) == (FIRST_NAME, "warehouse")
            assert (row["parent_id"], row["status"], row["version"]) == (None, "active", 1)

    async def test_gives_it_an_id_like_any_other(self, before: DatabaseUrls, admin: Connection):
        """Of version 7 (RFC 9562): the time in milliseconds, then what nobody can guess."""
        begun = datetime.now(UTC)
        move_to(before, "0006")
        ids = [row["id"] for row in await admin.fetch("SELECT id FROM locations")]
        assert len({id.bytes[6:] for id in ids}) == len(ids)
        for id in ids:
            assert (id.version, id.variant) == (7, "specified in RFC 4122")
            made = datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
            assert abs(made - begun) < timedelta(minutes=1)

    async def test_leaves_its_tables_sealed_from_their_owner(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0006")
        rows = await admin.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS sealed FROM pg_class "
            "WHERE relname IN ('tenants', 'locations')"
        )
        assert {row["relname"]: row["sealed"] for row in rows} == {
            "tenants": True,
            "locations": True,
        }


class TestDownAndUpAgain:
    async def test_begins_anew(self, before: DatabaseUrls, admin: Connection):
        move_to(before, "0006")
        await admin.execute("UPDATE locations SET name = 'khác'")
        move_to(before, "-1")
        move_to(before, "0006")
        rows = await admin.fetch("SELECT name FROM locations")
        assert [row["name"] for row in rows] == [FIRST_NAME] * len(BUSINESSES)
