"""Revision 0003 on a database with businesses in it: what they count in becomes a unit."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.units.domain.defaults import default_units
from tests.integration.test_migrations import move_to

ADA, BOB, IDLE = uuid4(), uuid4(), uuid4()

# What the revision before took for a unit: any line of up to 32 characters.
USED: Final = {ADA: ["kg", "kg", "vại", "m/s"], BOB: ["vại", "Kg", "a" * 32]}


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def before(scratch: DatabaseUrls, admin: Connection) -> DatabaseUrls:
    """A database of revision 0002 with three businesses, two of which have items."""
    move_to(scratch, "base")
    move_to(scratch, "0002")
    for tenant_id in (ADA, BOB, IDLE):
        await admin.execute(
            "INSERT INTO tenants (id, name, state, created_at) VALUES ($1, 'x', 'active', now())",
            tenant_id,
        )
    for tenant_id, units in USED.items():
        for number, unit in enumerate(units):
            await insert_item(admin, tenant_id, f"s{number}", unit)
    return scratch


async def insert_item(connection: Connection, tenant_id: UUID, sku: str, unit: str) -> None:
    await connection.execute(
        "INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, tags, attributes, "
        "version, created_at, updated_at) "
        "VALUES ($1, $2, $3, $3, 'x', $4, 'active', '{}', '{}', 1, now(), now())",
        tenant_id,
        uuid4(),
        sku,
        unit,
    )


async def units_of(admin: Connection, tenant_id: UUID) -> dict[str, tuple[str, int, int]]:
    rows = await admin.fetch("SELECT * FROM units WHERE tenant_id = $1", tenant_id)
    return {row["code"]: (row["name"], row["decimals"], row["version"]) for row in rows}


DEFAULTS: Final = {
    unit.code: (unit.name, unit.decimals, unit.version) for unit in default_units(UUID(int=1))
}


class TestUp:
    async def test_gives_every_business_what_a_new_one_gets(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0003")
        assert await units_of(admin, IDLE) == DEFAULTS

    async def test_makes_a_unit_of_whatever_was_used(self, before: DatabaseUrls, admin: Connection):
        move_to(before, "0003")
        for tenant_id, used in USED.items():
            own = {code: (code, 0, 1) for code in used if code not in DEFAULTS}
            assert await units_of(admin, tenant_id) == DEFAULTS | own
        rows = await admin.fetch("SELECT tenant_id, unit FROM items ORDER BY sku")
        for tenant_id, used in USED.items():
            assert [row["unit"] for row in rows if row["tenant_id"] == tenant_id] == used

    async def test_holds_items_to_the_units_of_their_business(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0003")
        assert await admin.fetchval(
            "SELECT convalidated FROM pg_constraint WHERE conname = 'items_tenant_id_unit_fkey'"
        )
        await insert_item(admin, BOB, "new", "Kg")
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="items_tenant_id_unit_fkey"):
            await insert_item(admin, ADA, "new", "Kg")
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await admin.execute("DELETE FROM units WHERE code = 'vại'")

    async def test_leaves_every_table_sealed_from_its_owner(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0003")
        rows = await admin.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS sealed FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        sealed: dict[Any, Any] = {row["relname"]: row["sealed"] for row in rows}
        assert sealed.pop("alembic_version") is False
        assert sealed.keys() >= {"tenants", "items", "units", "item_conversions"}
        assert all(sealed.values()), sealed


class TestDownAndUpAgain:
    async def test_keeps_the_items_and_what_they_count_in(
        self, before: DatabaseUrls, admin: Connection
    ):
        move_to(before, "0003")
        items = await admin.fetch("SELECT * FROM items ORDER BY tenant_id, sku")
        await admin.execute(
            "INSERT INTO item_conversions SELECT tenant_id, id, 'thùng', 24, 1 FROM items"
        )
        move_to(before, "-1")
        assert await admin.fetch("SELECT * FROM items ORDER BY tenant_id, sku") == items
        await insert_item(admin, ADA, "between", "chum")
        move_to(before, "0003")
        units = await units_of(admin, ADA)
        assert units.keys() == DEFAULTS.keys() | {"vại", "m/s", "chum"}
        assert await admin.fetchval("SELECT count(*) FROM item_conversions") == 0
