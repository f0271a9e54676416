"""The port through which a business is stored: inside a transaction bound to it."""

from abc import ABC, abstractmethod

from sokho.modules.tenants.domain.entities import Tenant


class TenantRepository(ABC):
    """The one business that the transaction is bound to."""

    @abstractmethod
    async def create(self, tenant: Tenant) -> Tenant:
        """Store a new business, whose fresh id the transaction is bound to."""
