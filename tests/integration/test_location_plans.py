"""Locations are read by their indexes, however many a business has: under the seal."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.locations.domain.entities import LocationKind, LocationStatus
from sokho.modules.locations.domain.repository import LocationFilter
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from tests.integration.plans import Explaining, Plan

MANY, FEW = uuid4(), [uuid4() for _ in range(20)]
WAREHOUSE: Final = UUID(int=1)

# A warehouse with a hundred shelves, each of which holds as many bins as there are.
_FILL: Final = """
INSERT INTO locations (tenant_id, id, code, code_key, name, kind, parent_id, status, version,
                       created_at, updated_at)
SELECT $1, lpad(to_hex(n), 32, '0')::uuid, 'k' || n, 'k' || n, 'x',
       CASE n WHEN 1 THEN 'warehouse' ELSE 'bin' END,
       CASE WHEN n = 1 THEN NULL
            ELSE lpad(to_hex(CASE WHEN n <= 101 THEN 1 ELSE n % 100 + 2 END), 32, '0')::uuid END,
       CASE WHEN n % 500 = 499 THEN 'archived' ELSE 'active' END, 1,
       now() - n * interval '1 second', now() - n * interval '1 second'
FROM generate_series(1, $2::int) AS n
"""

LISTS: Final[dict[str, tuple[dict[str, Any], Sort, int]]] = {
    "all": ({}, Sort("id"), 101),
    # Between equals the id decides: rows are sorted by it in groups of 32, though none are equal.
    "by code": ({}, Sort("code", descending=True), 130),
    "by creation": ({}, Sort("created_at", descending=True), 110),
    "by change": ({}, Sort("updated_at"), 110),
    "one code": ({"code_key": "k77"}, Sort("id"), 1),
    "warehouses": ({"kind": LocationKind.WAREHOUSE}, Sort("id"), 1),
    "archived": ({"status": LocationStatus.ARCHIVED}, Sort("id"), 41),
    "on a shelf": ({"parent_id": UUID(int=7)}, Sort("id"), 201),
}
"""Each list with its order, and how many rows it may look at."""


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """A database with one business of 20,000 locations among twenty of 500."""
    connection = await asyncpg.connect(scratch.admin)
    for tenant_id, count in [(MANY, 20_000), *((few, 500) for few in FEW)]:
        await connection.execute(_FILL, tenant_id, count)
    await connection.execute("VACUUM ANALYZE locations")
    yield connection
    await connection.close()


@pytest.fixture
async def connection(scratch: DatabaseUrls, admin: Connection) -> AsyncIterator[Connection]:
    """A connection of the service's own role."""
    assert not admin.is_closed()
    connection = await asyncpg.connect(scratch.app)
    yield connection
    await connection.close()


async def listed(connection: Connection, name: str) -> Plan:
    conditions, sort, _ = LISTS[name]
    transaction = Explaining(connection, MANY, "locations")
    await PostgresLocationRepo(transaction).list(LocationFilter(**conditions), 100, sort=sort)
    return transaction.plan


class TestLists:
    async def test_look_at_little_more_than_they_show(self, connection: Connection):
        for name, (_, _, most) in LISTS.items():
            plan = await listed(connection, name)
            assert "Seq Scan" not in plan.text, (name, plan.text)
            assert plan.rows_read <= most, (name, plan.text)

    @pytest.mark.parametrize(
        ("name", "index"),
        [
            ("warehouses", "locations_tenant_id_kind_id_idx"),
            ("archived", "locations_tenant_id_id_idx"),
            ("on a shelf", "locations_tenant_id_parent_id_id_idx"),
        ],
    )
    async def test_without_their_index_look_at_many(
        self, admin: Connection, connection: Connection, name: str, index: str
    ):
        """The control."""
        await admin.execute(f"DROP INDEX {index}")
        plan = await listed(connection, name)
        assert plan.rows_read > 1_000, plan.text


class TestTree:
    async def test_is_walked_along_indexes(self, connection: Connection):
        transaction = Explaining(connection, MANY, "locations")
        repo = PostgresLocationRepo(transaction)
        for walk in (repo.lineage, repo.has_active_below):
            await walk(UUID(int=19_000))
            assert "Seq Scan" not in transaction.plan.text, transaction.plan.text
        await repo.levels_below(UUID(int=7))
        assert "locations_tenant_id_parent_id_id_idx" in transaction.plan.text
