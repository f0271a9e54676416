"""A page of a list is planned once, and read along its index: under the seal."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from sokho.core.domain.paging import MAX_LIMIT, Position, Sort
from sokho.core.infrastructure.database import TENANT, Database
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.repository import BY_ID, ItemFilter
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.items.infrastructure.tables import items
from tests.integration.plans import Explaining

MANY, FEW = uuid4(), [uuid4() for _ in range(5)]
ORDERS: Final = ("id", "sku", "created_at", "updated_at")
NEVER_PLANNED_ANEW: Final = 7
"""Times: PostgreSQL weighs a plan for any values from the sixth time on."""

_FILL: Final = """
INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, barcode, status, tags, attributes,
                   version, created_at, updated_at)
SELECT $1, gen_random_uuid(), 's' || n, 's' || n, 'x', 'cái', n % 2,
       CASE WHEN n % 1000 = 0 THEN 'archived' ELSE 'active' END, '{}', '{}', 1,
       now() - n * interval '1 second', now() + n * interval '1 second'
FROM generate_series(1, $2::int) AS n
"""
_UNIT: Final = """
INSERT INTO units (tenant_id, code, name, decimals, version) VALUES ($1, 'cái', 'cái', 0, 1)
"""


@pytest.fixture
async def database(scratch: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection, to a business of 20,000 items among five of 200."""
    admin = await asyncpg.connect(scratch.admin)
    for tenant_id, count in [(MANY, 20_000), *((few, 200) for few in FEW)]:
        await admin.execute(_UNIT, tenant_id)
        await admin.execute(_FILL, tenant_id, count)
    await admin.execute("VACUUM ANALYZE items")
    await admin.close()
    database = Database(scratch.app, pool_size=1)
    yield database
    await database.close()


async def listed(
    database: Database, filter: ItemFilter, sort: Sort, limit: int, after: Position | None
) -> list[Item]:
    async with database.transaction(MANY, read_only=True) as transaction:
        return await PostgresItemRepo(transaction).list(filter, limit, sort=sort, after=after)


async def plans(database: Database) -> tuple[int, int]:
    """Return how often statements ran by a plan for any values, and by one made for theirs."""
    async with database.unbound() as connection:
        row = await connection.fetchrow(
            "SELECT sum(generic_plans)::int, sum(custom_plans)::int FROM pg_prepared_statements"
            " WHERE statement LIKE '%FROM items%' AND statement NOT LIKE '%pg_prepared%'"
        )
    assert row is not None
    return row[0], row[1]


def place(item: Item, field: str) -> Position:
    behind: dict[str, Position] = {
        "id": (item.id,),
        "sku": (item.sku_key, item.id),
        "created_at": (item.created_at, item.id),
        "updated_at": (item.updated_at, item.id),
    }
    return behind[field]


class TestPages:
    @pytest.mark.parametrize("limit", [11, 51, MAX_LIMIT + 1])
    @pytest.mark.parametrize("field", ORDERS)
    async def test_are_planned_once(self, database: Database, field: str, limit: int):
        sort = Sort(field, descending=limit == 51)
        first = await listed(database, ItemFilter(), sort, limit, None)
        for after in (None, place(first[-1], field)):
            for _ in range(NEVER_PLANNED_ANEW):
                assert len(await listed(database, ItemFilter(), sort, limit, after)) == limit
        by_any, by_theirs = await plans(database)
        assert by_any > 0
        assert by_theirs <= 2 * 5, "PostgreSQL tries five plans before it keeps one"

    @pytest.mark.parametrize("status", ItemStatus)
    async def test_of_a_state_are_planned_once(self, database: Database, status: ItemStatus):
        count = 20 if status is ItemStatus.ARCHIVED else 51
        for _ in range(NEVER_PLANNED_ANEW):
            found = await listed(database, ItemFilter(status=status), BY_ID, 51, None)
            assert [item.status for item in found] == [status] * count
        assert await plans(database) == (NEVER_PLANNED_ANEW - 5, 5)

    async def test_are_planned_anew_where_the_values_decide(self, database: Database):
        """The control: of one barcode there may be many items, of another none."""
        for _ in range(NEVER_PLANNED_ANEW):
            assert await listed(database, ItemFilter(barcode="2"), BY_ID, 51, None) == []
        assert await plans(database) == (0, NEVER_PLANNED_ANEW)

    async def test_would_be_planned_anew_by_limit_and_offset(self, database: Database):
        """The control: the same page, with its values in the planner's sight."""
        rows = sa.select(items).where(items.c.tenant_id == TENANT)
        page = keyset_page(rows, [items.c.id], descending=False, resumed=False)
        for _ in range(NEVER_PLANNED_ANEW):
            async with database.transaction(MANY, read_only=True) as transaction:
                assert len(await transaction.fetch_all(page, **page_values(51, 0, None))) == 51
        assert await plans(database) == (0, NEVER_PLANNED_ANEW)

    @pytest.mark.parametrize("field", ORDERS)
    async def test_are_read_along_their_index(
        self, database: Database, scratch: DatabaseUrls, field: str
    ):
        sort = Sort(field)
        middle = (await listed(database, ItemFilter(), sort, 400, None))[-1]
        connection = await asyncpg.connect(scratch.app)
        for after in (None, place(middle, field)):
            explaining = Explaining(connection, MANY, "items")
            repo = PostgresItemRepo(explaining)
            await repo.list(ItemFilter(), 51, sort=sort, after=after)
            assert explaining.plan.rows_read <= 51 + 32, explaining.plan.text
        await connection.close()

    @pytest.mark.parametrize("sort", [Sort("id"), Sort("id", descending=True)])
    async def test_of_the_few_archived_are_read_along_an_index_of_theirs(
        self, database: Database, scratch: DatabaseUrls, sort: Sort
    ):
        assert database.usage.size == 1
        connection = await asyncpg.connect(scratch.app)
        explaining = Explaining(connection, MANY, "items")
        archived = ItemFilter(status=ItemStatus.ARCHIVED)
        await PostgresItemRepo(explaining).list(archived, 51, sort=sort)
        assert explaining.plan.rows_read == 20, explaining.plan.text
        await connection.close()

    @pytest.mark.parametrize("field", ORDERS)
    async def test_show_the_same_however_they_are_reached(self, database: Database, field: str):
        sort = Sort(field)
        found = await listed(database, ItemFilter(), sort, 300, None)
        behind = await listed(database, ItemFilter(), sort, 100, place(found[199], field))
        async with database.transaction(MANY, read_only=True) as transaction:
            skipped = await PostgresItemRepo(transaction).list(ItemFilter(), 100, 200, sort=sort)
        assert found[200:] == behind == skipped

    async def test_may_be_longer_than_any_that_is_answered(self, database: Database):
        found = await listed(database, ItemFilter(), BY_ID, 2_000, None)
        assert [item.id for item in found] == sorted({item.id for item in found})
        assert len(found) == 2_000
