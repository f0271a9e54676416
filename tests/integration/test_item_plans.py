"""Items with a tag are read along the index of tags, however rare it is: under the seal."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest

from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.items.domain.repository import ItemFilter
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from tests.integration.plans import Explaining, Plan
from tests.integration.test_level_plans import ITEMS, MANY, fill

# A tenth of the items each, from the first one on; and one of all.
_TAGS: Final = """
INSERT INTO item_tags (tenant_id, tag, item_id)
SELECT tenant_id, 'x' || right(sku, 1), id FROM items WHERE tenant_id = $1
UNION ALL SELECT tenant_id, 'hiếm', id FROM items WHERE tenant_id = $1 AND sku = 's19999'
"""

PAGE: Final = 50


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    await connection.execute("SET session_replication_role = replica")
    await fill(connection, MANY, ITEMS)
    await connection.execute(_TAGS, MANY)
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


async def planned(connection: Connection, tag: str) -> Plan:
    transaction = Explaining(connection, MANY, "item_tags")
    await PostgresItemRepo(transaction).list(ItemFilter(tag=tag), PAGE)
    return transaction.plan


class TestTag:
    async def test_of_one_item_or_of_many_costs_no_more_than_a_page(self, connection: Connection):
        for plan_cache in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET plan_cache_mode = {plan_cache}")
            for tag in ("hiếm", "x7"):
                plan = await planned(connection, tag)
                assert plan.rows_read <= PAGE, plan.text
                assert plan.pages_read < 300, plan.text

    async def test_without_its_index_is_looked_for_among_all(
        self, admin: Connection, connection: Connection
    ):
        """The control."""
        await admin.execute("ALTER TABLE item_tags DROP CONSTRAINT item_tags_pkey")
        plan = await planned(connection, "hiếm")
        assert plan.rows_read > ITEMS, plan.text
