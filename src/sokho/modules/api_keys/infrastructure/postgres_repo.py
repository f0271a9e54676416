"""API keys in PostgreSQL."""

from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import Position
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
)
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.errors import TenantNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.infrastructure.tables import api_keys

_OURS = api_keys.c.tenant_id == TENANT

_COLUMNS: Final = [column.name for column in api_keys.columns]
_CHANGING: Final = ("expires_at", "revoked_at", "replaced_at")

_CREATE = Statement(
    sa.insert(api_keys).values({name: p(name) for name in _COLUMNS}).returning(api_keys)
)
_GET = Statement(sa.select(api_keys).where(_OURS, api_keys.c.id == p("key_id")))
_LIST_ALL = Statement(sa.select(api_keys).where(_OURS).order_by(api_keys.c.id))
_UPDATE = Statement(
    sa.update(api_keys)
    .where(_OURS, api_keys.c.id == p("key_id"))
    .values({name: p(name) for name in _CHANGING})
    .returning(api_keys.c.id)
)
_tenants = sa.table("tenants", sa.column("id", sa.Uuid))
_held = sa.select(_tenants.c.id).where(_tenants.c.id == TENANT).with_for_update().subquery()
_LOCK = Statement(sa.select(sa.func.clock_timestamp().label("now")).select_from(_held))

_KNOWN_SCOPES: Final = frozenset(str(scope) for scope in Scope)
_KNOWN_ROLES: Final = frozenset(str(role) for role in Role)


class PostgresApiKeyRepo(ApiKeyRepository):
    """Keys of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def create(self, key: ApiKey) -> ApiKey:
        values = {name: getattr(key, name) for name in _COLUMNS}
        try:
            row = await self._tx.fetch_one(_CREATE, **values)
        except ConstraintViolationError as violation:
            if violation.constraint == "api_keys_tenant_id_fkey":
                raise TenantNotFoundError(key.tenant_id) from violation
            raise
        assert row is not None
        return to_api_key(row)

    async def get_by_id(self, id: UUID) -> ApiKey | None:
        row = await self._tx.fetch_one(_GET, key_id=id)
        return None if row is None else to_api_key(row)

    async def list(
        self,
        limit: int | None = None,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[ApiKey]:
        if limit is None:
            rows = await self._tx.fetch_all(_LIST_ALL)
        else:
            statement = _list_statement(descending=descending, resumed=after is not None)
            rows = await self._tx.fetch_all(statement, **page_values(limit, offset, after))
        return [to_api_key(row) for row in rows]

    async def lock(self) -> datetime:
        row = await self._tx.fetch_one(_LOCK)
        if row is None:
            raise TenantNotFoundError(self._tx.tenant_id)
        now: datetime = row["now"]
        return now

    async def update(self, key: ApiKey) -> None:
        values = {name: getattr(key, name) for name in _CHANGING}
        await self._tx.fetch_one(_UPDATE, key_id=key.id, **values)


@lru_cache
def _list_statement(*, descending: bool, resumed: bool) -> Statement:
    rows = sa.select(api_keys).where(_OURS)
    return keyset_page(rows, [api_keys.c.id], descending=descending, resumed=resumed)


def to_api_key(row: Row) -> ApiKey:
    """Return the key in a row, with the rights that its role has by now.

    A scope or a role that only a newer version knows gives no right here.
    """
    role = Role(row["role"]) if row["role"] in _KNOWN_ROLES else None
    scopes = (
        role.scopes if role is not None else {Scope(s) for s in row["scopes"] if s in _KNOWN_SCOPES}
    )
    return ApiKey(
        tenant_id=row["tenant_id"],
        id=row["id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        pepper_id=row["pepper_id"],
        scopes=tuple(sorted(scopes)),
        role=role,
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        replaced_at=row["replaced_at"],
        last_used_at=row["last_used_at"],
        created_at=row["created_at"],
    )
