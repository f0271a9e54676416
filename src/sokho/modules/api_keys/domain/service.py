"""What one can do with API keys."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.core.domain.ids import new_id
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.entities import ApiKey, Pepper
from sokho.modules.api_keys.domain.errors import ApiKeyNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.domain.tokens import SECRET_BYTES, KeyToken


class NewApiKey(NamedTuple):
    """A key and its token, which exists nowhere else and is shown once."""

    key: ApiKey
    token: str


class ApiKeyService:
    """The business operations on the keys of one tenant."""

    def __init__(
        self,
        repo: ApiKeyRepository,
        pepper: Pepper,
        *,
        clock: Clock = utc_now,
        make_id: Callable[[], UUID] = new_id,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._repo = repo
        self._pepper = pepper
        self._clock = clock
        self._make_id = make_id
        self._random_bytes = random_bytes

    async def create(
        self,
        tenant_id: UUID,
        name: str,
        scopes: Iterable[Scope],
        *,
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """Make a key; raises `InvalidError`, `TenantNotFoundError`."""
        key_id = self._make_id()
        token = KeyToken.make(tenant_id, key_id, self._random_bytes(SECRET_BYTES)).text
        key = ApiKey.create(
            tenant_id=tenant_id,
            id=key_id,
            name=name,
            token=token,
            pepper=self._pepper,
            scopes=frozenset(scopes),
            expires_at=expires_at,
            now=self._clock(),
        )
        return NewApiKey(await self._repo.create(key), token)

    async def list(self) -> list[ApiKey]:
        """Return every key of the tenant, oldest first."""
        return await self._repo.list()

    async def revoke(self, key_id: UUID) -> None:
        """Withdraw a key for good; raises `ApiKeyNotFoundError`."""
        if not await self._repo.revoke(key_id):
            raise ApiKeyNotFoundError(key_id)
