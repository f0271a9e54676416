"""Units in PostgreSQL."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
)
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.modules.units.domain.entities import Unit
from sokho.modules.units.domain.errors import DuplicateUnitError, UnitNotFoundError
from sokho.modules.units.domain.repository import UnitRepository
from sokho.modules.units.infrastructure.tables import units

_OURS = units.c.tenant_id == TENANT
_THIS = sa.and_(_OURS, units.c.code == p("code"))

_COLUMNS = [column.name for column in units.columns]

_GET = Statement(sa.select(units).where(_THIS))
# The key as well: an item, a conversion or a first move in the unit waits, and is waited for.
_HOLD = Statement(sa.select(units).where(_THIS).with_for_update())
_CREATE = Statement(
    sa.insert(units)
    .from_select(
        _COLUMNS,
        sa.select(*(sa.func.unnest(p(c.name, type_=ARRAY(c.type))) for c in units.columns)),
    )
    .returning(units.c.code)
)
_UPDATE = Statement(
    sa.update(units)
    .where(_THIS, units.c.version == p("version") - 1)
    .values(name=p("name"), decimals=p("decimals"), version=p("version"))
    .returning(units.c.code)
)

_ids = ("tenant_id", "item_id")
_items = sa.table("items", *map(sa.column, ("tenant_id", "id", "unit")))
_conversions = sa.table("item_conversions", *map(sa.column, (*_ids, "unit")))
_accounts = sa.table("stock_accounts", *map(sa.column, _ids))


def _told_in_it(table: sa.TableClause, item_id: str) -> sa.Select[Any]:
    """Return a row if stock has moved of an item that a row of `table` tells in the unit."""
    moved = sa.exists().where(
        _accounts.c.tenant_id == TENANT, _accounts.c.item_id == table.c[item_id]
    )
    return sa.select(table.c.unit).where(
        table.c.tenant_id == TENANT, table.c.unit == p("code", type_=sa.Text()), moved
    )


_HAS_STOCK = Statement(
    sa.union_all(_told_in_it(_items, "id"), _told_in_it(_conversions, "item_id")).limit(
        sa.literal_column("1")
    )
)


class PostgresUnitRepo(UnitRepository):
    """Units of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def get_by_code(self, code: str) -> Unit | None:
        row = await self._tx.fetch_one(_GET, code=code)
        return None if row is None else _to_unit(row)

    async def hold(self, code: str) -> Unit | None:
        row = await self._tx.fetch_one(_HOLD, code=code)
        return None if row is None else _to_unit(row)

    async def has_stock(self, code: str) -> bool:
        return await self._tx.fetch_one(_HAS_STOCK, code=code) is not None

    async def list(
        self,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[Unit]:
        statement = _list_statement(descending=descending, resumed=after is not None)
        rows = await self._tx.fetch_all(statement, **page_values(limit, offset, after))
        return [_to_unit(row) for row in rows]

    async def create(self, units: Sequence[Unit]) -> None:
        columns = {name: [getattr(unit, name) for unit in units] for name in _COLUMNS}
        try:
            await self._tx.fetch_all(_CREATE, **columns)
        except ConstraintViolationError as violation:
            if violation.constraint == "units_pkey":
                raise DuplicateUnitError(units[0].code) from violation
            raise

    async def update(self, unit: Unit) -> None:
        row = await self._tx.fetch_one(
            _UPDATE, code=unit.code, name=unit.name, decimals=unit.decimals, version=unit.version
        )
        if row is None:
            if await self.get_by_code(unit.code) is None:
                raise UnitNotFoundError(unit.code)
            raise PreconditionFailedError


@lru_cache
def _list_statement(*, descending: bool, resumed: bool) -> Statement:
    rows = sa.select(units).where(_OURS)
    return keyset_page(
        rows, [units.c.code], descending=descending, resumed=resumed, planned_once=True
    )


def _to_unit(row: Row) -> Unit:
    return Unit(
        tenant_id=row["tenant_id"],
        code=row["code"],
        name=row["name"],
        decimals=row["decimals"],
        version=row["version"],
    )
