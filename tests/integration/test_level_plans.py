"""Levels are read by indexes in their order, however many a business has: under the seal."""

import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.reads import LevelFilter
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from tests.integration.plans import Explaining, Plan

MANY, FEW = uuid4(), [uuid4() for _ in range(5)]
ITEMS: Final = 20_000

# Each item lies in the warehouse 1 and in one of its forty shelves 2 to 41. The warehouse 42 is
# another, where every hundredth lies on one of three shelves 43 to 45.
WAREHOUSE, SHELF, OTHER = UUID(int=1), UUID(int=7), UUID(int=42)
_FILL: Final = (
    """
    INSERT INTO locations (tenant_id, id, code, code_key, name, kind, parent_id, status, version,
                           created_at, updated_at)
    SELECT $1, lpad(to_hex(n), 32, '0')::uuid, 'k' || n, 'k' || n, 'x',
           CASE WHEN n IN (1, 42) OR n > 45 THEN 'warehouse' ELSE 'bin' END,
           CASE WHEN n IN (1, 42) THEN NULL WHEN n < 42 THEN lpad('1', 32, '0')::uuid
                WHEN n < 46 THEN lpad(to_hex(42), 32, '0')::uuid END,
           'active', 1, now(), now()
    FROM generate_series(1, greatest(45, $2::int / 10)) AS n
    """,
    """
    INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, tags, attributes, version,
                       created_at, updated_at)
    SELECT $1, lpad(to_hex(n), 32, '0')::uuid, 's' || n, 's' || n, 'x', 'cái', 'active', '{}',
           '{}', 1, now(), now()
    FROM generate_series(1, $2::int) AS n
    """,
    """
    INSERT INTO stock_accounts (tenant_id, id, item_id, kind, location_id)
    SELECT $1, gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, kind,
           CASE WHEN place IS NOT NULL THEN lpad(to_hex(place), 32, '0')::uuid END
    FROM generate_series(1, $2::int) AS n,
         LATERAL (VALUES ('on_hand', 1), ('on_hand', n % 40 + 2), ('supplier', NULL),
                         ('customer', NULL),
                         ('on_hand', CASE WHEN n % 100 = 0 THEN n / 100 % 3 + 43 END))
             AS each (kind, place)
    WHERE kind <> 'on_hand' OR place IS NOT NULL
    """,
    """
    INSERT INTO stock_balances (tenant_id, account_id, on_hand, reserved, seq)
    SELECT tenant_id, id, 1, 0, 1 FROM stock_accounts
    WHERE tenant_id = $1 AND kind = 'on_hand' AND $2::int > 0
    """,
)

FILTERS: Final[dict[str, tuple[dict[str, Any], int]]] = {
    "all": ({}, 110),
    "an item": ({"item_id": UUID(int=700)}, 3),
    "an item by its SKU": ({"sku_key": "s700"}, 3),
    "an item at a location": ({"item_id": UUID(int=700), "location_id": WAREHOUSE}, 5),
    "a location of all items": ({"location_id": WAREHOUSE}, 110),
    "a shelf": ({"location_id": SHELF}, 110),
    "an empty location": ({"location_id": UUID(int=50)}, 0),
    "a warehouse with its shelves": (
        {"location_id": WAREHOUSE, "include_children": True},
        210,
    ),
    "a small warehouse with its shelves": (
        {"location_id": OTHER, "include_children": True},
        210,
    ),
    "an item in a warehouse with its shelves": (
        {"item_id": UUID(int=700), "location_id": WAREHOUSE, "include_children": True},
        5,
    ),
}
"""Each filter, and how many accounts a page of 100 may look at."""

# Where the levels below a location are few among those of the business, the planner goes along the
# items and skips to the location in the index, which is some pages more but no row.
PAGES: Final = {"a small warehouse with its shelves": 1_500}
"""How many pages that may take, of 100 rows of three tables; 1 000 for the others."""

_SORTED: Final = re.compile(r"Sort Key: .*stock_accounts")

_MIDDLE: Final[Position] = (UUID(int=ITEMS // 2), UUID(int=0))
_WAYS: Final = [*product((False, True), (None, _MIDDLE))]
"""Both directions, each from its beginning and from the middle."""


async def fill(admin: Connection, tenant_id: UUID, items: int) -> None:
    for statement in _FILL:
        await admin.execute(statement, tenant_id, items)


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """A database with one business of 40,200 levels among others of 400."""
    connection = await asyncpg.connect(scratch.admin)
    await connection.execute("SET session_replication_role = replica")
    for tenant_id, items in [(MANY, ITEMS), *((few, 200) for few in FEW)]:
        await fill(connection, tenant_id, items)
    await connection.execute("VACUUM ANALYZE")
    yield connection
    await connection.close()


@pytest.fixture
async def connection(scratch: DatabaseUrls, admin: Connection) -> AsyncIterator[Connection]:
    """A connection of the service's own role."""
    assert not admin.is_closed()
    connection = await asyncpg.connect(scratch.app)
    yield connection
    await connection.close()


async def planned(
    connection: Connection,
    filter: dict[str, Any],
    *,
    descending: bool = False,
    after: Position | None = None,
) -> Plan:
    transaction = Explaining(connection, MANY, "stock_accounts")
    await PostgresStockReads(transaction).levels(
        LevelFilter(**filter), 100, descending=descending, after=after
    )
    return transaction.plan


@pytest.mark.parametrize("plan_cache", ["force_custom_plan", "force_generic_plan"])
class TestPage:
    async def test_is_read_in_order_and_is_little_more_than_it_shows(
        self, connection: Connection, plan_cache: str
    ):
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        for name, (filter, most) in FILTERS.items():
            for descending, after in _WAYS:
                plan = await planned(connection, filter, descending=descending, after=after)
                told = (name, descending, after, plan.text)
                assert "Seq Scan" not in plan.text, told
                # The few places of one item may be sorted.
                assert name.startswith("an item") or _SORTED.search(plan.text) is None, told
                assert plan.rows_read <= most, told
                assert plan.pages_read <= PAGES.get(name, 1_000), told


class TestWithoutItsIndex:
    """The control."""

    async def test_all_levels_are_looked_at_and_sorted(
        self, admin: Connection, connection: Connection
    ):
        for columns in ("item_id_kind_location_id", "item_id_id"):
            name = f"stock_accounts_tenant_id_{columns}_key"
            await admin.execute(f"ALTER TABLE stock_accounts DROP CONSTRAINT {name} CASCADE")
        plan = await planned(connection, FILTERS["all"][0])
        assert plan.rows_read > ITEMS, plan.text
        assert _SORTED.search(plan.text) is not None, plan.text

    async def test_a_location_is_searched_for_among_all(
        self, admin: Connection, connection: Connection
    ):
        few = await planned(connection, FILTERS["an empty location"][0])
        await admin.execute("DROP INDEX stock_accounts_tenant_id_location_id_item_id_idx")
        many = await planned(connection, FILTERS["an empty location"][0])
        assert many.pages_read > 50 * few.pages_read, many.text
