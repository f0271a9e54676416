"""The stores that contract suites run over."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.fakes.item_stores import InMemory, InPostgres, Store
from tests.integration.changes import OPEN
from tests.recorded import Recorded


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return InMemory()
    return InPostgres(request.getfixturevalue("database"), request.getfixturevalue("derived_keys"))


@pytest.fixture
async def tenant(store: Store) -> UUID:
    return await store.new_tenant()


@pytest.fixture
async def neighbour(store: Store) -> UUID:
    """Another tenant of the same store."""
    return await store.new_tenant()


@pytest.fixture
async def small(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection: whoever holds it keeps everybody else out."""
    database = Database(urls.app, pool_size=1)
    yield database
    await database.close()


@pytest.fixture
async def tenant_id(small: Database) -> UUID:
    id = uuid4()
    async with small.transaction(id) as tx:
        await tx.fetch_all(OPEN, id=id)
    return id


@pytest.fixture
def log(small: Database, tenant_id: UUID) -> Recorded:
    return Recorded(small, tenant_id)
