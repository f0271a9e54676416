"""API keys in memory, by the same contract as PostgreSQL, and a builder for them."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import Position
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.entities import ApiKey, Pepper
from sokho.modules.api_keys.domain.errors import TenantNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.domain.tokens import SECRET_BYTES, KeyToken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEPPER = Pepper("pepper-1", b"a pepper for tests, nothing else")


def a_token(
    tenant_id: UUID | None = None, key_id: UUID | None = None, secret: bytes = bytes(SECRET_BYTES)
) -> str:
    """Return a well-formed key."""
    return KeyToken.make(tenant_id or UUID(int=1), key_id or new_id(), secret).text


def an_api_key(token: str | None = None, **changes: Any) -> ApiKey:
    """Return the valid key of `token`, or of a token nobody needs."""
    parsed = KeyToken.parse(token or a_token(changes.get("tenant_id")))
    assert parsed is not None
    given: dict[str, Any] = {
        "tenant_id": parsed.tenant_id,
        "id": parsed.key_id,
        "name": "máy bán hàng",
        "token": parsed.text,
        "pepper": PEPPER,
        "scopes": [Scope.ITEMS_READ],
        "expires_at": None,
        "now": NOON,
    }
    return ApiKey.create(**(given | changes))


class ApiKeyStore:
    """What the tenants of a fake have stored, and its clock."""

    def __init__(self, *tenants: UUID) -> None:
        self.tenants = {*tenants}
        self.now = NOON
        self.keys: defaultdict[UUID, dict[UUID, ApiKey]] = defaultdict(dict)


class FakeApiKeyRepo(ApiKeyRepository):
    """Keys of one tenant in a store that other tenants share."""

    def __init__(self, tenant_id: UUID, store: ApiKeyStore) -> None:
        self._store = store
        self._tenant_id = tenant_id

    @property
    def _keys(self) -> dict[UUID, ApiKey]:
        return self._store.keys[self._tenant_id]

    async def create(self, key: ApiKey) -> ApiKey:
        assert key.tenant_id == self._tenant_id
        if key.tenant_id not in self._store.tenants:
            raise TenantNotFoundError(key.tenant_id)
        self._keys[key.id] = key
        return key

    async def get_by_id(self, id: UUID) -> ApiKey | None:
        return self._keys.get(id)

    async def list(
        self,
        limit: int | None = None,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[ApiKey]:
        keys = sorted(self._keys.values(), key=lambda key: key.id, reverse=descending)
        if after is not None:
            keys = [key for key in keys if ((key.id,) < after if descending else (key.id,) > after)]
        return keys[offset:] if limit is None else keys[offset : offset + limit]

    async def lock(self) -> datetime:
        """Nobody else is there."""
        if self._tenant_id not in self._store.tenants:
            raise TenantNotFoundError(self._tenant_id)
        return self._store.now

    async def update(self, key: ApiKey) -> None:
        if key.id in self._keys:
            self._keys[key.id] = key
