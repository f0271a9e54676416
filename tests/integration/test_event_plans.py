"""The log is read by its indexes, in their order, however long it grows: under the seal."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.audit.domain.repository import EventFilter
from sokho.modules.audit.infrastructure.postgres_repo import PostgresRecordedEventRepo
from tests.integration.plans import Explaining, Plan

MANY, FEW, EMPTY = uuid4(), [uuid4() for _ in range(20)], uuid4()

_FILL: Final = """
INSERT INTO events (tenant_id, xid, id, type, resource_id, actor, changes, created_at)
SELECT $1, (n / 100 + 3)::text::xid8, gen_random_uuid(), 'item.updated',
       CASE WHEN n % 4 = 0 THEN 'busy' ELSE 'item-' || n % 499 END, 'x',
       '{"name": {"before": "a", "after": "b"}}', now()
FROM generate_series(1, $2::int) AS n
"""

_OF_RESOURCE: Final = "events_tenant_id_resource_id_xid_id_idx"

NO_FILTER: Final = EventFilter()
OF_BUSY: Final = EventFilter(resource_id="busy")
"""A quarter of all events."""

OF_RARE: Final = EventFilter(resource_id="item-7")
"""Thirty events of the business with many."""

_MIDDLE: Final[Position] = (100, UUID(int=0))
_WAYS: Final = [*product((False, True), (None, _MIDDLE))]
"""Both directions, each from its beginning and from the middle."""


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """A database with one business of 20,000 events among twenty of 500."""
    connection = await asyncpg.connect(scratch.admin)
    for tenant_id, count in [(MANY, 20_000), *((few, 500) for few in FEW)]:
        await connection.execute(_FILL, tenant_id, count)
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
    tenant_id: UUID,
    filter: EventFilter = NO_FILTER,
    *,
    limit: int = 100,
    descending: bool = False,
    after: Position | None = None,
) -> Plan:
    transaction = Explaining(connection, tenant_id, "events")
    await PostgresRecordedEventRepo(transaction).list(
        filter, limit, descending=descending, after=after
    )
    return transaction.plan


@pytest.mark.parametrize("plan_cache", ["force_custom_plan", "force_generic_plan"])
class TestPage:
    async def test_is_read_along_the_primary_key_without_sorting(
        self, connection: Connection, plan_cache: str
    ):
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        for descending, after in _WAYS:
            plan = await planned(connection, MANY, descending=descending, after=after)
            assert "Sort" not in plan.text
            assert "events_pkey" in plan.text
            assert ("Backward" in plan.text) == descending
            assert plan.rows_read <= 101, plan.text

    async def test_of_one_resource_is_read_along_its_index(
        self, connection: Connection, plan_cache: str
    ):
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        for descending, after in _WAYS:
            plan = await planned(
                connection, MANY, OF_BUSY, limit=10, descending=descending, after=after
            )
            # The planner may read the resource's few rows and sort them, but no others.
            assert _OF_RESOURCE in plan.text
            assert plan.rows_read <= 40, plan.text

    async def test_of_an_empty_log_costs_no_look_at_others(
        self, connection: Connection, plan_cache: str
    ):
        await connection.execute(f"SET plan_cache_mode = {plan_cache}")
        plan = await planned(connection, EMPTY)
        assert plan.rows_read == 0
        assert "Seq Scan on events" not in plan.text


class TestRareResource:
    async def test_costs_its_own_events_and_no_others(self, connection: Connection):
        plan = await planned(connection, MANY, OF_RARE, limit=10)
        assert _OF_RESOURCE in plan.text
        assert plan.rows_read <= 40, plan.text

    async def test_without_its_index_is_searched_for(
        self, admin: Connection, connection: Connection
    ):
        """The control."""
        await admin.execute(f"DROP INDEX {_OF_RESOURCE}")
        plan = await planned(connection, MANY, OF_RARE, limit=10)
        assert plan.rows_read > 1000, plan.text
