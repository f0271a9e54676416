"""Businesses in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Database,
    Row,
    Statement,
    Transaction,
)
from sokho.modules.tenants.domain.entities import Tenant, TenantState, TenantSummary
from sokho.modules.tenants.domain.errors import TenantExistsError
from sokho.modules.tenants.domain.repository import TenantDirectory, TenantRepository
from sokho.modules.tenants.infrastructure.tables import tenants

_OURS = tenants.c.id == TENANT

_WRITTEN: Final[dict[str, Any]] = {
    column.name: p(column.name)
    for column in tenants.columns
    if column.name not in {"id", "created_at", "updated_at"}
}

# Never before the last change: a transaction that waited for the row began before it got it.
_UPDATED_AT: Final = sa.func.greatest(tenants.c.updated_at, sa.func.now())

_GET = Statement(sa.select(tenants).where(_OURS))
_LOCK = Statement(sa.select(tenants).where(_OURS).with_for_update(key_share=True))
_CREATE = Statement(
    sa.insert(tenants)
    .values(_WRITTEN | {"id": p("id"), "created_at": sa.func.now(), "updated_at": sa.func.now()})
    .returning(tenants)
)
_UPDATE = Statement(
    sa.update(tenants)
    .where(_OURS, tenants.c.version == p("version") - 1)
    .values(_WRITTEN | {"updated_at": _UPDATED_AT})
    .returning(tenants)
)


class PostgresTenantRepo(TenantRepository):
    """The business that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def create(self, tenant: Tenant) -> Tenant:
        try:
            row = await self._tx.fetch_one(_CREATE, id=tenant.id, **_values(tenant))
        except ConstraintViolationError as error:
            if error.constraint == "tenants_pkey":
                raise TenantExistsError from error
            raise
        assert row is not None
        return _to_tenant(row)

    async def get(self, *, lock: bool = False) -> Tenant | None:
        row = await self._tx.fetch_one(_LOCK if lock else _GET)
        return None if row is None else _to_tenant(row)

    async def update(self, tenant: Tenant) -> Tenant:
        row = await self._tx.fetch_one(_UPDATE, **_values(tenant))
        if row is None:
            raise PreconditionFailedError
        return _to_tenant(row)


class WorkerTenantDirectory(TenantDirectory):
    """Every business: through the worker's own role, which may read these columns alone."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker

    async def list(
        self,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[TenantSummary]:
        order, behind = ("DESC", "<") if descending else ("ASC", ">")
        condition = "" if after is None else f"WHERE id {behind} $3"
        async with self._worker.unbound() as connection:
            rows = await connection.fetch(
                f"SELECT id, name, state, created_at FROM tenants {condition} "  # noqa: S608 - of constants
                f"ORDER BY id {order} LIMIT $1 OFFSET $2",
                limit,
                offset,
                *(after or ()),
            )
        return [
            TenantSummary(
                id=row["id"],
                name=row["name"],
                state=TenantState(row["state"]),
                created_at=row["created_at"],
            )
            for row in rows
        ]


def _to_tenant(row: Row) -> Tenant:
    return Tenant(
        id=row["id"],
        name=row["name"],
        state=TenantState(row["state"]),
        locale=row["locale"],
        time_zone=row["time_zone"],
        settings=row["settings"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _values(tenant: Tenant) -> dict[str, object]:
    return {name: getattr(tenant, name) for name in _WRITTEN}
