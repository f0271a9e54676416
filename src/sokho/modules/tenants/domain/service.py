"""What one can do with a business."""

from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.modules.tenants.domain.entities import Tenant
from sokho.modules.tenants.domain.repository import TenantRepository


class TenantService:
    """The business operations on the bound tenant."""

    def __init__(self, repo: TenantRepository, *, clock: Clock = utc_now) -> None:
        self._repo = repo
        self._clock = clock

    async def create(self, tenant_id: UUID, name: str) -> Tenant:
        """Open a business; raises `InvalidError`."""
        return await self._repo.create(Tenant.create(id=tenant_id, name=name, now=self._clock()))
