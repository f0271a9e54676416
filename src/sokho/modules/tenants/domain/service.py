"""What one can do with a business."""

from typing import Unpack
from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.core.domain.events import Event, EventLog, created, differences, updated
from sokho.core.domain.versions import ExpectedVersion
from sokho.modules.tenants.domain.entities import (
    DEFAULT_LOCALE,
    DEFAULT_TIME_ZONE,
    Tenant,
    TenantChanges,
    TenantState,
)
from sokho.modules.tenants.domain.errors import TenantNotFoundError
from sokho.modules.tenants.domain.repository import TenantRepository


class TenantService:
    """The business operations on the bound tenant."""

    def __init__(self, repo: TenantRepository, events: EventLog, *, clock: Clock = utc_now) -> None:
        self._repo = repo
        self._events = events
        self._clock = clock

    async def create(
        self,
        tenant_id: UUID,
        name: str,
        *,
        locale: str = DEFAULT_LOCALE,
        time_zone: str = DEFAULT_TIME_ZONE,
    ) -> Tenant:
        """Open a business; raises `InvalidError`."""
        tenant = Tenant.create(
            id=tenant_id, name=name, locale=locale, time_zone=time_zone, now=self._clock()
        )
        self._events.record(created("tenant", tenant_id, tenant))
        return await self._repo.create(tenant)

    async def get(self, tenant_id: UUID) -> Tenant:
        """Return the business; raises `TenantNotFoundError`."""
        return await self._get(tenant_id)

    async def patch(
        self, tenant_id: UUID, expected: ExpectedVersion, **changes: Unpack[TenantChanges]
    ) -> Tenant:
        """Change the business as a merge patch says.

        Raises `PreconditionFailedError`, `InvalidError`.
        """
        tenant = await self._get(tenant_id, lock=True)
        expected.require(tenant.version)
        changed = tenant.patch(now=self._clock(), **changes)
        if changed is tenant:
            return tenant
        self._events.record(updated("tenant", tenant_id, tenant, changed))
        return await self._repo.update(changed)

    async def suspend(self, tenant_id: UUID) -> Tenant:
        """Refuse the business's keys from now on; raises `TenantNotFoundError`."""
        return await self._bring_to(tenant_id, TenantState.SUSPENDED, "tenant.suspended")

    async def resume(self, tenant_id: UUID) -> Tenant:
        """Serve the business's keys again; raises `TenantNotFoundError`."""
        return await self._bring_to(tenant_id, TenantState.ACTIVE, "tenant.resumed")

    async def _bring_to(self, tenant_id: UUID, state: TenantState, event: str) -> Tenant:
        tenant = await self._get(tenant_id, lock=True)
        changed = tenant.in_state(state, now=self._clock())
        if changed is tenant:
            return tenant
        self._events.record(Event(event, str(tenant_id), differences(tenant, changed)))
        return await self._repo.update(changed)

    async def _get(self, tenant_id: UUID, *, lock: bool = False) -> Tenant:
        tenant = await self._repo.get(lock=lock)
        if tenant is None:
            raise TenantNotFoundError(tenant_id)
        return tenant
