"""What an operator runs after restoring a dump into another cluster, as the decision has it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.readiness import refuse_unless_sealed
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.audit.domain.entities import RecordedEvent
from sokho.modules.audit.domain.repository import EventFilter
from sokho.modules.audit.infrastructure.postgres_repo import PostgresRecordedEventRepo
from sokho.modules.tenants.domain.entities import OpenedTenant
from sokho.provisioning import api_key_service, open_business
from tests.integration.documents import blocks

DECISION: Final = (
    Path(__file__).parents[2] / "docs/decisions/0028-events-in-order-of-transactions.md"
)
FAR_AHEAD: Final = 2**40


async def events_of(database: Database, opened: OpenedTenant) -> list[RecordedEvent]:
    async with database.transaction(opened.tenant.id, read_only=True) as transaction:
        return (await PostgresRecordedEventRepo(transaction).list(EventFilter())).events


async def settled(database: Database, opened: OpenedTenant, number: int) -> list[RecordedEvent]:
    """Return `number` events, once every transaction of the cluster before them has ended."""
    for _ in range(600):
        if len(events := await events_of(database, opened)) >= number:
            return events
        await asyncio.sleep(0.05)
    raise TimeoutError


async def restore(urls: DatabaseUrls) -> None:
    """Leave events as a dump of a cluster that was much further would."""
    admin = await asyncpg.connect(urls.admin)
    try:
        await admin.execute(
            f"UPDATE events SET xid = (xid::text::bigint + {FAR_AHEAD})::text::xid8"
        )
    finally:
        await admin.close()


@pytest.fixture
async def scratch_database(scratch: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(scratch.app, pool_size=1)
    yield database
    await database.close()


class TestRestoredEvents:
    async def test_come_before_all_new_ones_by_id(
        self, scratch: DatabaseUrls, scratch_database: Database, derived_keys: DerivedKeys
    ):
        opened = [await open_business(scratch_database, derived_keys, name) for name in "AB"]
        before = [await settled(scratch_database, one, 2) for one in opened]
        await restore(scratch)
        assert [await events_of(scratch_database, one) for one in opened] == [[], []]

        admin = await asyncpg.connect(scratch.admin)
        try:
            (statements,) = blocks(DECISION.read_text(), "sql")
            await admin.execute(statements)
        finally:
            await admin.close()

        for one, events in zip(opened, before, strict=True):
            restored = await events_of(scratch_database, one)
            assert [event.id for event in restored] == sorted(event.id for event in events)
            assert {event.xid for event in restored} == {3}
        await refuse_unless_sealed(scratch_database)

        first = opened[0]
        async with scratch_database.transaction(first.tenant.id) as transaction:
            await api_key_service(transaction, derived_keys).create(
                first.tenant.id, "mới", [Scope.ITEMS_READ]
            )
        *restored, new = await settled(scratch_database, first, len(before[0]) + 1)
        assert [event.id for event in restored] == sorted(event.id for event in before[0])
        assert new.xid > 3
