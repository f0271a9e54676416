"""Minimum stock in PostgreSQL: a column of the balance."""

from decimal import Decimal
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import TENANT, Statement, Transaction
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.domain.minimum_service import MinimumRepository
from sokho.modules.stock.infrastructure.tables import accounts, balances

_set = (
    sa.select(accounts.c.id, sa.func.trim_scale(balances.c.minimum).label("minimum"))
    .select_from(
        accounts.join(
            balances,
            sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id),
        )
    )
    .where(
        accounts.c.tenant_id == TENANT,
        accounts.c.item_id == p("item_id"),
        accounts.c.location_id == p("location_id"),
        accounts.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'"),
        balances.c.minimum.is_not(None),
    )
)
FIND: Final = Statement(_set)
FIND_AND_HOLD: Final = Statement(_set.with_for_update(of=balances))
SET: Final = Statement(
    sa.update(balances)
    .where(balances.c.tenant_id == TENANT, balances.c.account_id == p("account"))
    .values(minimum=p("least"))
    .returning(balances.c.account_id)
)


class PostgresMinimumRepo(MinimumRepository):
    """The minimums of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def find(
        self, item_id: UUID, location_id: UUID, *, held: bool = False
    ) -> tuple[UUID, Decimal] | None:
        statement = FIND_AND_HOLD if held else FIND
        row = await self._tx.fetch_one(statement, item_id=item_id, location_id=location_id)
        return None if row is None else (row["id"], row["minimum"])

    async def set(self, account_id: UUID, minimum: Decimal | None) -> None:
        await self._tx.fetch_all(SET, account=account_id, least=minimum)
