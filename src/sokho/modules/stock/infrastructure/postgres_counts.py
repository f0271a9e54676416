"""Stocktakes in PostgreSQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from sokho.core.domain.lines import TEXT
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import (
    CollisionError,
    ConstraintViolationError,
    Row,
    Transaction,
)
from sokho.core.infrastructure.database.keyset import page_values
from sokho.modules.stock.domain.counts import (
    Count,
    CountFilter,
    CountLine,
    CountOpenError,
    CountRepository,
    CountState,
)
from sokho.modules.stock.domain.errors import (
    LocationArchivedError,
    UnknownLocationError,
    fault,
    refuse,
)
from sokho.modules.stock.infrastructure.count_statements import (
    BARCODES,
    CLOSE,
    COUNT_CONDITIONS,
    COUNTED,
    GET_COUNT,
    HOLD_COUNT,
    LINES_OF,
    LOCATION,
    OPEN_COUNT,
    WRITE,
    counts_statement,
    differing_statement,
    sheet_statement,
)

_OPEN: Final = "stock_counts_open_key"


class PostgresCountRepo(CountRepository):
    """The stocktakes of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def open(self, id: UUID, location_id: UUID, note: str | None, actor: str) -> Count:
        location = await self._tx.fetch_one(LOCATION, location_id=location_id)
        if location is None:
            refuse([fault("/location_id", UnknownLocationError)])
        elif location["status"] == "archived":
            refuse([fault("/location_id", LocationArchivedError)])
        try:
            row = await self._tx.fetch_one(
                OPEN_COUNT, id=id, location_id=location_id, note=note, actor=actor
            )
        except ConstraintViolationError as violation:
            if violation.constraint == _OPEN:
                raise CountOpenError from violation
            raise CollisionError from violation  # the location has just been deleted
        assert row is not None
        return _count(row)

    async def get(self, id: UUID) -> Count | None:
        row = await self._tx.fetch_one(GET_COUNT, id=id)
        return None if row is None else _count(row)

    async def hold(self, id: UUID) -> Count | None:
        row = await self._tx.fetch_one(HOLD_COUNT, id=id)
        return None if row is None else _count(row)

    async def close(self, count: Count) -> Count:
        row = await self._tx.fetch_one(
            CLOSE, id=count.id, state=count.state, transaction_id=count.transaction_id
        )
        assert row is not None
        return _count(row)

    async def items_with(self, barcodes: Collection[str]) -> Mapping[str, Sequence[UUID]]:
        storable = [barcode for barcode in barcodes if TEXT.fullmatch(barcode)]
        found = defaultdict(list)
        for row in await self._tx.fetch_all(BARCODES, barcodes=storable):
            found[row["barcode"]].append(row["id"])
        return found

    async def counted(self, id: UUID, item_ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
        rows = await self._tx.fetch_all(COUNTED, id=id, item_ids=[*item_ids])
        return {row["item_id"]: row["counted"] for row in rows}

    async def write(self, id: UUID, counted: Mapping[UUID, Decimal]) -> None:
        await self._tx.fetch_all(WRITE, id=id, item_ids=[*counted], quantities=[*counted.values()])

    async def lines_of(self, id: UUID, item_ids: Collection[UUID]) -> Sequence[CountLine]:
        rows = await self._tx.fetch_all(LINES_OF, id=id, item_ids=[*item_ids])
        return [CountLine(**row) for row in rows]

    async def differing(
        self, id: UUID, limit: int, *, uncounted_as_zero: bool
    ) -> Sequence[tuple[UUID, Decimal]]:
        rows = await self._tx.fetch_all(
            differing_statement(uncounted_as_zero=uncounted_as_zero), id=id, limit=limit
        )
        return [(row["item_id"], row["by"]) for row in rows]

    async def list(
        self,
        filter: CountFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[Count]:
        values = {
            name: value for name in COUNT_CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = counts_statement(
            frozenset(values), descending=sort.descending, resumed=after is not None
        )
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
        return [_count(row) for row in rows]

    async def lines(
        self,
        id: UUID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[CountLine]:
        statement = sheet_statement(descending=sort.descending, resumed=after is not None)
        rows = await self._tx.fetch_all(statement, id=id, **page_values(limit, offset, after))
        return [CountLine(**row) for row in rows]


def _count(row: Row) -> Count:
    return Count(**{**row, "state": CountState(row["state"])})
