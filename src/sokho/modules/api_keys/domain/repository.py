"""The port through which API keys are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from uuid import UUID

from sokho.modules.api_keys.domain.entities import ApiKey


class ApiKeyRepository(ABC):
    """Keys of one tenant."""

    @abstractmethod
    async def create(self, key: ApiKey) -> ApiKey:
        """Store a new key; raises `TenantNotFoundError`."""

    @abstractmethod
    async def list(self) -> list[ApiKey]:
        """Return every key, oldest first, revoked ones too."""

    @abstractmethod
    async def revoke(self, id: UUID) -> bool:
        """Mark a key as revoked, if it is not already; return whether there is such a key."""
