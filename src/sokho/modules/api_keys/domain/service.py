"""What one can do with API keys."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.events import Event, EventLog, created, differences
from sokho.core.domain.identity import Principal, UnauthenticatedError
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import Position
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.entities import ApiKey, Pepper
from sokho.modules.api_keys.domain.errors import (
    ApiKeyNotActiveError,
    ApiKeyNotFoundError,
    LastManagingKeyError,
)
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.domain.tokens import SECRET_BYTES, KeyToken


class NewApiKey(NamedTuple):
    """A key and its token, which exists nowhere else and is shown once."""

    key: ApiKey
    token: str


class ApiKeyService:
    """The business operations on the keys of one tenant.

    `granter` is the key that asks: nobody can hand on more than they hold, nor anything once
    withdrawn. None stands for whoever runs the service.
    """

    def __init__(
        self,
        repo: ApiKeyRepository,
        pepper: Pepper,
        events: EventLog,
        *,
        granter: Principal | None = None,
        make_id: Callable[[], UUID] = new_id,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._repo = repo
        self._pepper = pepper
        self._events = events
        self._granter = granter
        self._make_id = make_id
        self._random_bytes = random_bytes

    async def create(
        self,
        tenant_id: UUID,
        name: str,
        scopes: Iterable[Scope] | None = None,
        *,
        role: Role | None = None,
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """Make a key.

        Raises `InvalidError`, `PermissionDeniedError`, `TenantNotFoundError`, and
        `UnauthenticatedError` where the granter has been withdrawn meanwhile.
        """
        now = await self._repo.lock()
        key_id = self._make_id()
        token = KeyToken.make(tenant_id, key_id, self._random_bytes(SECRET_BYTES)).text
        key = ApiKey.create(
            tenant_id=tenant_id,
            id=key_id,
            name=name,
            token=token,
            pepper=self._pepper,
            scopes=scopes,
            role=role,
            expires_at=expires_at,
            now=now,
        )
        self._require_grantable(key)
        await self._require_active_granter(now)
        return await self._store(key, token)

    async def get(self, key_id: UUID) -> ApiKey:
        """Return a key; raises `ApiKeyNotFoundError`."""
        key = await self._repo.get_by_id(key_id)
        if key is None:
            raise ApiKeyNotFoundError(key_id)
        return key

    async def list(
        self,
        *,
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        after: Position | None = None,
    ) -> list[ApiKey]:
        """Return a page of the tenant's keys, or all of them, oldest first."""
        return await self._repo.list(limit, offset, descending=descending, after=after)

    async def revoke(self, key_id: UUID) -> None:
        """Withdraw a key for good; of one that is withdrawn already, nothing changes.

        Raises `ApiKeyNotFoundError`, `LastManagingKeyError`, `TenantNotFoundError`, and
        `UnauthenticatedError` where the granter has been withdrawn meanwhile.
        """
        now = await self._repo.lock()  # of two who revoke each other's key, one comes second
        key = await self.get(key_id)
        if key.manages_keys(now) and self._granter is not None:
            others = (other for other in await self._repo.list() if other.id != key_id)
            if not any(other.manages_keys(now) for other in others):
                raise LastManagingKeyError
        await self._require_active_granter(now)
        if key.revoked_at is None:
            await self._update(key, replace(key, revoked_at=now), "api_key.revoked")

    async def rotate(self, key_id: UUID, overlap: timedelta) -> NewApiKey:
        """Make a successor with the same rights; the key itself is served for `overlap` more.

        Raises `ApiKeyNotFoundError`, `ApiKeyNotActiveError`, `PermissionDeniedError`,
        `TenantNotFoundError`, and `UnauthenticatedError` where the granter has been withdrawn
        meanwhile.
        """
        now = await self._repo.lock()
        await self._require_active_granter(now)
        key = await self.get(key_id)
        self._require_grantable(key)
        if not key.is_active(now) or key.replaced_at is not None:
            raise ApiKeyNotActiveError
        await self._update(key, key.replaced(overlap=overlap, now=now), "api_key.rotated")
        successor = self._make_id()
        token = KeyToken.make(key.tenant_id, successor, self._random_bytes(SECRET_BYTES)).text
        heir = replace(
            key,
            id=successor,
            secret_hash=self._pepper.hash(token),
            pepper_id=self._pepper.id,
            replaced_at=None,
            last_used_at=None,
            created_at=now,
        )
        return await self._store(heir, token)

    def _require_grantable(self, key: ApiKey) -> None:
        key.require_grantable_by(None if self._granter is None else self._granter.scopes)

    async def _require_active_granter(self, now: datetime) -> None:
        # A key is remembered for seconds: none that it makes then may outlive its own end.
        if self._granter is not None:
            key = await self._repo.get_by_id(self._granter.key_id)
            if key is None or not key.is_active(now):
                raise UnauthenticatedError

    async def _store(self, key: ApiKey, token: str) -> NewApiKey:
        # A key's name may be a person's: events have its id.
        secret = {"secret_hash", "pepper_id", "name"}
        self._events.record(created("api_key", key.id, key, hidden=secret))
        return NewApiKey(await self._repo.create(key), token)

    async def _update(self, before: ApiKey, after: ApiKey, event: str) -> None:
        self._events.record(Event(event, str(before.id), differences(before, after)))
        await self._repo.update(after)
