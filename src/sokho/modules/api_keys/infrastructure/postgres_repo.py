"""API keys in PostgreSQL."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
)
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.errors import TenantNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.infrastructure.tables import api_keys

_OURS = api_keys.c.tenant_id == TENANT

_CREATE = Statement(
    sa.insert(api_keys)
    .values(
        tenant_id=p("tenant_id"),
        id=p("id"),
        name=p("name"),
        secret_hash=p("secret_hash"),
        pepper_id=p("pepper_id"),
        scopes=p("scopes"),
        expires_at=p("expires_at"),
        created_at=p("created_at"),
    )
    .returning(api_keys)
)
_LIST = Statement(sa.select(api_keys).where(_OURS).order_by(api_keys.c.created_at, api_keys.c.id))
_REVOKE = Statement(
    sa.update(api_keys)
    .where(_OURS, api_keys.c.id == p("key_id"))
    .values(revoked_at=sa.func.coalesce(api_keys.c.revoked_at, sa.func.now()))
    .returning(api_keys.c.id)
)

_KNOWN_SCOPES: Final = frozenset(str(scope) for scope in Scope)


class PostgresApiKeyRepo(ApiKeyRepository):
    """Keys of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def create(self, key: ApiKey) -> ApiKey:
        try:
            row = await self._tx.fetch_one(
                _CREATE,
                tenant_id=key.tenant_id,
                id=key.id,
                name=key.name,
                secret_hash=key.secret_hash,
                pepper_id=key.pepper_id,
                scopes=sorted(key.scopes),
                expires_at=key.expires_at,
                created_at=key.created_at,
            )
        except ConstraintViolationError as violation:
            if violation.constraint == "api_keys_tenant_id_fkey":
                raise TenantNotFoundError(key.tenant_id) from violation
            raise
        assert row is not None
        return to_api_key(row)

    async def list(self) -> list[ApiKey]:
        return [to_api_key(row) for row in await self._tx.fetch_all(_LIST)]

    async def revoke(self, id: UUID) -> bool:
        return await self._tx.fetch_one(_REVOKE, key_id=id) is not None


def to_api_key(row: Row) -> ApiKey:
    """Return the key in a row; a scope that only a newer version knows gives no right here."""
    return ApiKey(
        tenant_id=row["tenant_id"],
        id=row["id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        pepper_id=row["pepper_id"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"] if scope in _KNOWN_SCOPES),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        created_at=row["created_at"],
    )
