"""The ports through which businesses are stored, found and opened."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.modules.tenants.domain.entities import OpenedTenant, Tenant, TenantSummary


class TenantRepository(ABC):
    """The one business that the transaction is bound to."""

    @abstractmethod
    async def create(self, tenant: Tenant) -> Tenant:
        """Store a new business, whose fresh id the transaction is bound to.

        Raises `TenantExistsError`.
        """

    @abstractmethod
    async def get(self, *, lock: bool = False) -> Tenant | None:
        """Return the business, or None where there is none such.

        With `lock` nobody else changes it before the transaction ends.
        """

    @abstractmethod
    async def update(self, tenant: Tenant) -> Tenant:
        """Replace the stored business of the version just before `tenant.version`.

        Returns it as stored. Raises `PreconditionFailedError` when that version is another.
        """


class TenantDirectory(ABC):
    """Which businesses there are: the operator's list, through a role that sees nothing else."""

    @abstractmethod
    async def list(
        self,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[TenantSummary]:
        """Return at most `limit` businesses by id, from behind `after`, skipping `offset`."""


class TenantOpening(ABC):
    """Opens the business that a transaction is bound to.

    What else a new one needs, other modules know: `sokho.provisioning`.
    """

    @abstractmethod
    async def open(self, name: str, *, locale: str, time_zone: str) -> OpenedTenant:
        """Open it with all that it begins with; raises `InvalidError`, `TenantExistsError`."""
