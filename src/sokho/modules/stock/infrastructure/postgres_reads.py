"""Levels and stock cards in PostgreSQL."""

from collections.abc import Sequence

from sokho.core.domain.lines import TEXT
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import Transaction
from sokho.core.infrastructure.database.keyset import page_values
from sokho.modules.stock.domain.reads import CardFilter, CardLine, Level, LevelFilter, StockReads
from sokho.modules.stock.infrastructure.read_statements import (
    CARD_CONDITIONS,
    card_statement,
    levels_statement,
)


class PostgresStockReads(StockReads):
    """The ledger of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def levels(
        self,
        filter: LevelFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[Level]:
        if filter.sku_key is not None and not TEXT.fullmatch(filter.sku_key):
            return []  # no item has such a SKU
        values = {
            name: value
            for name in ("item_id", "sku_key", "location_id")
            if (value := getattr(filter, name)) is not None
        }
        conditions = set(values)
        if filter.include_children and "location_id" in conditions:
            conditions = conditions - {"location_id"} | {"location_ids"}
        basis = None
        if filter.as_of is not None:
            values["as_of"], basis = filter.as_of, filter.as_of_basis
        statement = levels_statement(
            frozenset(conditions),
            basis,
            below=filter.is_below_minimum,
            descending=descending,
            resumed=after is not None,
        )
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
        return [Level(**row) for row in rows]

    async def card(
        self,
        filter: CardFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[CardLine]:
        values = {
            name: value for name in CARD_CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = card_statement(frozenset(values), sort, resumed=after is not None)
        rows = await self._tx.fetch_all(
            statement,
            item_id=filter.item_id,
            location_id=filter.location_id,
            **values,
            **page_values(limit, offset, after),
        )
        return [CardLine(**row) for row in rows]
