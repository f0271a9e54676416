"""Two stores of units behind one face, for suites that hold for both."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from typing import Protocol
from uuid import UUID

from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from sokho.modules.units.domain.repository import UnitRepository
from sokho.modules.units.infrastructure.postgres_repo import PostgresUnitRepo
from tests.fakes.units import FakeUnitRepo, UnitStore


class UnitsStore(Protocol):
    """Where a tenant's units are kept: each `units()` is a transaction of its own."""

    async def new_tenant(self) -> UUID:
        """Return a tenant that has no unit yet."""

    def units(self, tenant_id: UUID) -> AbstractAsyncContextManager[UnitRepository]: ...


class UnitsInMemory:
    def __init__(self) -> None:
        self._store = UnitStore()

    async def new_tenant(self) -> UUID:
        return new_id()

    @asynccontextmanager
    async def units(self, tenant_id: UUID) -> AsyncIterator[UnitRepository]:
        before = deepcopy(self._store.units)
        try:
            yield FakeUnitRepo(tenant_id, self._store)
        except BaseException:
            self._store.units = before
            raise


class UnitsInPostgres:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def new_tenant(self) -> UUID:
        tenant_id = new_id()
        async with self._database.transaction(tenant_id) as transaction:
            tenants = TenantService(PostgresTenantRepo(transaction), transaction)
            await tenants.create(tenant_id, "Kho thử")
        return tenant_id

    @asynccontextmanager
    async def units(self, tenant_id: UUID) -> AsyncIterator[UnitRepository]:
        async with self._database.transaction(tenant_id) as transaction:
            yield PostgresUnitRepo(transaction)
