"""Businesses in memory, by the same contract as PostgreSQL, and a builder for them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.modules.tenants.domain.entities import Tenant
from sokho.modules.tenants.domain.repository import TenantRepository
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_tenant(**changes: Any) -> Tenant:
    """Return a valid business."""
    given: dict[str, Any] = {"id": new_id(), "name": "Tạp hóa Cô Ba", "now": NOON}
    return Tenant.create(**(given | changes))


class TenantStore:
    """What a fake has stored, and its clock."""

    def __init__(self) -> None:
        self.tenants: dict[UUID, Tenant] = {}
        self.now = NOON

    def tick(self) -> None:
        self.now += timedelta(seconds=1)


class FakeTenantRepo(TenantRepository):
    """One business in a store of others."""

    def __init__(self, tenant_id: UUID, store: TenantStore) -> None:
        self._tenant_id = tenant_id
        self._store = store

    async def create(self, tenant: Tenant) -> Tenant:
        assert tenant.id == self._tenant_id
        now = self._store.now
        return self._keep(replace(tenant, created_at=now, updated_at=now))

    async def get(self, *, lock: bool = False) -> Tenant | None:
        del lock  # nobody else is there
        return self._store.tenants.get(self._tenant_id)

    async def update(self, tenant: Tenant) -> Tenant:
        present = self._store.tenants.get(self._tenant_id)
        if present is None or present.version != tenant.version - 1:
            raise PreconditionFailedError
        return self._keep(
            replace(tenant, created_at=present.created_at, updated_at=self._store.now)
        )

    def _keep(self, tenant: Tenant) -> Tenant:
        self._store.tenants[self._tenant_id] = tenant
        return tenant


class TenantsStore(Protocol):
    """Where businesses are kept: each `tenant()` is a transaction of its own."""

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[TenantRepository]: ...


class TenantsInMemory:
    def __init__(self) -> None:
        self._store = TenantStore()

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[TenantRepository]:
        self._store.tick()
        before = deepcopy(self._store.tenants)
        try:
            yield FakeTenantRepo(tenant_id, self._store)
        except BaseException:
            self._store.tenants = before
            raise


class TenantsInPostgres:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[TenantRepository]:
        async with self._database.transaction(tenant_id) as transaction:
            yield PostgresTenantRepo(transaction)
