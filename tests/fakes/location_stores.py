"""Two stores of locations behind one face, for suites that hold for both."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from typing import Any, Final, Protocol
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.modules.locations.domain.entities import Location
from sokho.modules.locations.domain.repository import LocationFilter, LocationRepository
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.fakes.locations import FakeLocationRepo, LocationStore

ANY: Final = LocationFilter()


class LocationsStore(Protocol):
    """Where a tenant's locations are kept: each `locations()` is a transaction of its own."""

    async def new_tenant(self) -> UUID:
        """Return a tenant that has no location yet."""

    def locations(self, tenant_id: UUID) -> AbstractAsyncContextManager[LocationRepository]: ...


class LocationsInMemory:
    def __init__(self) -> None:
        self._store = LocationStore()

    async def new_tenant(self) -> UUID:
        return new_id()

    @asynccontextmanager
    async def locations(self, tenant_id: UUID) -> AsyncIterator[LocationRepository]:
        self._store.tick()
        before = deepcopy(self._store.locations)
        try:
            yield FakeLocationRepo(tenant_id, self._store)
        except BaseException:
            self._store.locations = before
            raise


class LocationsInPostgres:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def new_tenant(self) -> UUID:
        tenant_id = new_id()
        async with self._database.transaction(tenant_id) as transaction:
            tenants = TenantService(PostgresTenantRepo(transaction), transaction)
            await tenants.create(tenant_id, "Kho thử")
        return tenant_id

    @asynccontextmanager
    async def locations(self, tenant_id: UUID) -> AsyncIterator[LocationRepository]:
        async with self._database.transaction(tenant_id) as transaction:
            yield PostgresLocationRepo(transaction)


async def stored(store: LocationsStore, tenant_id: UUID, *locations: Location) -> list[Location]:
    """Create locations in one transaction: to the store they are of one instant."""
    async with store.locations(tenant_id) as repo:
        return [await repo.create(replace(each, tenant_id=tenant_id)) for each in locations]


async def listed(
    store: LocationsStore, tenant_id: UUID, filter: LocationFilter = ANY, **how: Any
) -> list[Location]:
    async with store.locations(tenant_id) as repo:
        return await repo.list(filter, **how)


async def found(store: LocationsStore, tenant_id: UUID, id: UUID) -> Location | None:
    async with store.locations(tenant_id) as repo:
        location = await repo.get_by_id(id)
        assert await repo.hold(id) == location
        return location
