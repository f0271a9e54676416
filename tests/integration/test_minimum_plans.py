"""What is below its minimum is found by an index that has nothing else: under the seal."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.reads import LevelFilter
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from tests.integration.plans import Explaining, Plan
from tests.integration.test_level_plans import FEW, ITEMS, MANY, SHELF, WAREHOUSE, fill

# One is on hand everywhere: of each hundredth two should be, of each tenth one.
_MINIMUMS: Final = """
UPDATE stock_balances AS b
SET minimum = CASE WHEN right(a.item_id::text, 2)::text = '00' THEN 2 ELSE 1 END
FROM stock_accounts AS a
WHERE a.tenant_id = b.tenant_id AND a.id = b.account_id AND right(a.item_id::text, 1) = '0'
"""
INDEX: Final = "stock_balances_tenant_id_account_id_idx"

FILTERS: Final[dict[str, dict[str, Any]]] = {
    "all": {},
    "a shelf": {"location_id": SHELF},
    "a warehouse with its shelves": {"location_id": WAREHOUSE, "include_children": True},
    "an item": {"item_id": UUID(int=0x700)},
}


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    await connection.execute("SET session_replication_role = replica")
    for tenant_id, items in [(MANY, ITEMS), *((few, 200) for few in FEW)]:
        await fill(connection, tenant_id, items)
    await connection.execute(_MINIMUMS)
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


async def planned(connection: Connection, filter: dict[str, Any]) -> Plan:
    transaction = Explaining(connection, MANY, "stock_balances")
    filter = filter | {"is_below_minimum": True}
    await PostgresStockReads(transaction).levels(LevelFilter(**filter), 100)
    return transaction.plan


@pytest.mark.parametrize("plan_cache", ["force_custom_plan", "force_generic_plan"])
class TestBelowMinimum:
    async def test_is_found_without_looking_at_what_is_not(
        self, admin: Connection, connection: Connection, plan_cache: str
    ):
        below = await admin.fetchval(
            "SELECT count(*) FROM stock_balances WHERE tenant_id = $1 AND is_below_minimum", MANY
        )
        assert 100 < below < ITEMS / 50
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        for name, filter in FILTERS.items():
            plan = await planned(connection, filter)
            assert "Seq Scan" not in plan.text, (name, plan.text)
            # What there is of one item is little, whatever should be there.
            assert INDEX in plan.text or name == "an item", (name, plan.text)
            assert plan.rows_read <= 2 * below, (name, plan.text)  # of fifty times as many

    async def test_without_the_index_is_searched_for_among_all(
        self, admin: Connection, connection: Connection, plan_cache: str
    ):
        """The control."""
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        await admin.execute(f"DROP INDEX {INDEX}")
        plan = await planned(connection, {})
        assert plan.rows_read > ITEMS, plan.text
