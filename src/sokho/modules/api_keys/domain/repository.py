"""The port through which API keys are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from datetime import datetime
from uuid import UUID

from sokho.core.domain.paging import Position
from sokho.modules.api_keys.domain.entities import ApiKey


class ApiKeyRepository(ABC):
    """Keys of one tenant."""

    @abstractmethod
    async def create(self, key: ApiKey) -> ApiKey:
        """Store a new key; raises `TenantNotFoundError`."""

    @abstractmethod
    async def get_by_id(self, id: UUID) -> ApiKey | None:
        """Return the key, revoked or not, or None where this tenant has none such."""

    @abstractmethod
    async def list(
        self,
        limit: int | None = None,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[ApiKey]:
        """Return at most `limit` keys by id, oldest first, revoked ones too."""

    @abstractmethod
    async def lock(self) -> datetime:
        """Keep others from changing any key of the tenant until the transaction ends.

        Returns the store's time from then on, by which keys expire: service machines disagree.
        Raises `TenantNotFoundError`.
        """

    @abstractmethod
    async def update(self, key: ApiKey) -> None:
        """Store when the key expires, was replaced and was revoked."""
