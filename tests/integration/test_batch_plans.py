"""A batch looks up its own rows, however many items a business has: under the seal."""

import re
from collections.abc import AsyncIterator
from itertools import takewhile

import asyncpg
import pytest

from sokho.core.infrastructure.database.pool import Connection, Pool
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.items.infrastructure.batch_statements import SAVE, given
from tests.fakes.items import an_item
from tests.integration.test_level_plans import ITEMS, MANY, fill


@pytest.fixture
async def connection(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """A connection of the service's own role, bound to one business of many items."""
    admin = await asyncpg.connect(scratch.admin)
    await admin.execute("SET session_replication_role = replica")
    await fill(admin, MANY, ITEMS)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    pool = Pool(scratch.app, size=1, patience=30)
    connection = await pool.acquire()
    await connection.execute(f"BEGIN; SET LOCAL app.current_tenant = '{MANY}'")
    yield connection
    pool.discard(connection)


async def pages_read(connection: Connection) -> int:
    """Return how many pages the dearest step of saving changed items looks at."""
    items = [an_item(tenant_id=MANY, version=2) for _ in range(10)]
    plan = await connection.fetch(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {SAVE.text}",
        *SAVE.arguments(MANY, given(items) | {"wanted": 0}),
    )
    steps = takewhile(lambda line: line != "Planning:", (line for (line,) in plan))
    return max(int(pages) for line in steps for pages in re.findall(r"hit=(\d+)", line))


class TestSave:
    async def test_of_few_items_does_not_look_through_all(self, connection: Connection):
        assert await pages_read(connection) < 50

    async def test_that_joins_otherwise_looks_through_all(self, connection: Connection):
        """The control."""
        await connection.execute("SET enable_nestloop = off")
        assert await pages_read(connection) > 200
