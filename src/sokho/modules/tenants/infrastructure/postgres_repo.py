"""Businesses in PostgreSQL."""

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import Database, Row, Statement, Transaction
from sokho.modules.tenants.domain.entities import Tenant, TenantState
from sokho.modules.tenants.domain.repository import TenantRepository
from sokho.modules.tenants.infrastructure.tables import tenants

_CREATE = Statement(
    sa.insert(tenants)
    .values(id=p("id"), name=p("name"), state=p("state"), created_at=p("created_at"))
    .returning(tenants)
)
_LIST = Statement(sa.select(tenants).order_by(tenants.c.created_at, tenants.c.id))


class PostgresTenantRepo(TenantRepository):
    """The business that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def create(self, tenant: Tenant) -> Tenant:
        row = await self._tx.fetch_one(
            _CREATE,
            id=tenant.id,
            name=tenant.name,
            state=tenant.state,
            created_at=tenant.created_at,
        )
        assert row is not None
        return _to_tenant(row)


async def list_all_tenants(worker: Database) -> list[Tenant]:
    """Return every business, oldest first: operator's work, through the worker's own role."""
    async with worker.unbound() as connection:
        rows = await connection.fetch(_LIST.text)
    return [_to_tenant(row) for row in rows]


def _to_tenant(row: Row) -> Tenant:
    return Tenant(
        id=row["id"],
        name=row["name"],
        state=TenantState(row["state"]),
        created_at=row["created_at"],
    )
