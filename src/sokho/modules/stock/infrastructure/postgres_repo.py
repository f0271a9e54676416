"""The ledger in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sokho.core.domain.ids import new_id
from sokho.core.domain.lines import caseless
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import (
    CollisionError,
    ConstraintViolationError,
    Row,
    Transaction,
)
from sokho.core.infrastructure.database.keyset import page_values
from sokho.core.infrastructure.database.transaction import NOT_ALONE
from sokho.core.infrastructure.database.turns import Turn, sharing
from sokho.modules.stock.domain.documents import Document, Reason, TransactionType
from sokho.modules.stock.domain.entities import Move, Side, StockTransaction
from sokho.modules.stock.domain.errors import (
    AlreadyReversedError,
    DuplicateDocumentNoError,
    DuplicateExternalRefError,
    DuplicateRequestError,
)
from sokho.modules.stock.domain.posting import Entered, Entry, Wanted
from sokho.modules.stock.domain.repository import (
    BY_ID,
    LateLeg,
    Low,
    Month,
    StockRepository,
    TransactionFilter,
)
from sokho.modules.stock.infrastructure.backdating_statements import (
    LOWS,
    NOTE_AND_LOWS,
    SUM_UP,
)
from sokho.modules.stock.infrastructure.digests import Seal, header
from sokho.modules.stock.infrastructure.entered import entered_of
from sokho.modules.stock.infrastructure.posting_statements import CONSIDER, ENTER, OPEN
from sokho.modules.stock.infrastructure.reservation_statements import FREE_EXPIRED
from sokho.modules.stock.infrastructure.transaction_statements import (
    CONDITIONS,
    GET,
    MOVES,
    transactions_statement,
)

_NUMBER: Final = "stock_transactions_tenant_id_type_year_document_no_key"
_REFUSALS: Final = {
    _NUMBER: DuplicateDocumentNoError,
    "stock_transactions_tenant_id_external_ref_key": DuplicateExternalRefError,
    "stock_transactions_tenant_id_reverses_id_key": AlreadyReversedError,
    "stock_transactions_tenant_id_request_key_key": DuplicateRequestError,
}


class PostgresStockRepo(StockRepository):
    """The ledger of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction, seal: Seal) -> None:
        # Before a balance is held: whoever locks a period waits for all who post, or they for him.
        transaction.begin_with(sharing(Turn.PERIODS, transaction.tenant_id))
        self._tx = transaction
        self._seal = seal

    async def enter(self, entry: Entry, *, posts: bool = True, alone: bool = False) -> Entered:
        values = self._values(entry, posts=posts)
        row: Row | None = None
        try:
            if posts and alone:
                row = await self._tx.fetch_alone(ENTER, **values)
            if row is None:
                row = await self._tx.fetch_one(ENTER if posts else CONSIDER, **values, **NOT_ALONE)
        except ConstraintViolationError as violation:
            if violation.constraint == _NUMBER and entry.document.document_no is None:
                raise CollisionError from violation  # a client has just given it to a document
            if violation.constraint in _REFUSALS:
                raise _REFUSALS[violation.constraint] from violation
            raise
        assert row is not None
        return entered_of(row["result"], entry)

    async def open_accounts(self, wanted: Collection[Wanted]) -> None:
        new = [{"id": new_id(), **each._asdict()} for each in wanted]
        try:
            await self._tx.fetch_all(
                OPEN, new_accounts=new, item_ids=[each.item_id for each in wanted]
            )
        except ConstraintViolationError as violation:
            raise CollisionError from violation  # a location has just been deleted

    def _values(self, entry: Entry, *, posts: bool) -> dict[str, object]:
        document, moves = entry.document, entry.moves
        return {
            "posts": posts,
            "id": entry.id,
            "type": document.type,
            "prefix": document.type.prefix,
            "document_no": document.document_no,
            "external_ref": document.external_ref,
            "effective_at": document.effective_at,
            "note": document.note,
            "reason": document.reason,
            "actor": entry.actor,
            "request_key": entry.request_key,
            "reverses_id": entry.reverses_id,
            **(_reckoned(moves) if moves else _asked(document)),
            "header": header(self._tx.tenant_id, entry),
            "inner_key": self._seal.inner_key,
            "outer_key": self._seal.outer_key,
            "digest_key_id": self._seal.key_id,
        }

    async def sum_up(self, months: Collection[Month], late: Collection[LateLeg]) -> None:
        await self._tx.fetch_all(SUM_UP, **_month_columns(months), **_late_columns(late))

    async def lows(
        self, months: Collection[Month], since: datetime, late: Collection[LateLeg] = ()
    ) -> Sequence[Low]:
        values = {"since": since, **_month_columns(months)}
        statement = LOWS
        if late:
            statement, values = NOTE_AND_LOWS, values | _late_columns(late)
        rows = await self._tx.fetch_all(statement, **values)
        return [Low(row["account_id"], row["quantity"], row["short_at"]) for row in rows]

    async def get(self, id: UUID) -> StockTransaction | None:
        row = await self._tx.fetch_one(GET, id=id)
        return None if row is None else (await self.with_moves([row]))[0]

    async def free_expired(self, account_ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
        rows = await self._tx.fetch_all(FREE_EXPIRED, account_ids=list(account_ids))
        return {row["account_id"]: row["quantity"] for row in rows}

    async def list(
        self,
        filter: TransactionFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> Sequence[StockTransaction]:
        values = {
            name: value for name in CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = transactions_statement(frozenset(values), sort, resumed=after is not None)
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
        return await self.with_moves(rows)

    async def with_moves(self, rows: Sequence[Row]) -> Sequence[StockTransaction]:
        """Return the transactions of these rows, with their moves."""
        found = await self._tx.fetch_all(MOVES, ids=[row["id"] for row in rows]) if rows else []
        moves = {
            id: tuple(map(_to_move, of_one))
            for id, of_one in groupby(found, lambda row: row["transaction_id"])
        }
        return [_to_transaction(row, moves.get(row["id"], ())) for row in rows]


def _month_columns(months: Collection[Month]) -> dict[str, list[Any]]:
    return _columns(("account_ids", "starts", "ends"), sorted(months))


def _late_columns(late: Collection[LateLeg]) -> dict[str, list[Any]]:
    return _columns([f"late_{name}" for name in LateLeg._fields], late)


def _columns(names: Sequence[str], rows: Collection[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


def _asked(document: Document) -> dict[str, list[Any] | None]:
    """Return the lines of a document, column by column."""
    lines = document.lines
    kinds = [document.kinds(line) for line in lines]
    return {
        "item_ids": [line.item_id for line in lines],
        "sku_keys": [line.sku and caseless(line.sku) for line in lines],
        "units": [line.unit for line in lines],
        "quantities": [line.quantity for line in lines],
        "from_kinds": [source for source, _ in kinds],
        "from_places": [line.from_location_id for line in lines],
        "to_kinds": [target for _, target in kinds],
        "to_places": [line.to_location_id for line in lines],
        "line_nos": None,
        "own_quantities": None,
        "from_accounts": None,
        "to_accounts": None,
    }


def _reckoned(moves: Sequence[Move]) -> dict[str, list[Any] | None]:
    """Return moves whose accounts are known, column by column."""
    return {
        "item_ids": [move.item_id for move in moves],
        "sku_keys": [move.sku for move in moves],
        "units": [move.entered_unit for move in moves],
        "quantities": [move.entered_quantity for move in moves],
        "from_kinds": None,
        "from_places": [move.source.location_id for move in moves],
        "to_kinds": None,
        "to_places": [move.target.location_id for move in moves],
        "line_nos": [move.line_no for move in moves],
        "own_quantities": [move.quantity for move in moves],
        "from_accounts": [move.source.account_id for move in moves],
        "to_accounts": [move.target.account_id for move in moves],
    }


def _to_transaction(row: Row, moves: tuple[Move, ...]) -> StockTransaction:
    return StockTransaction(
        id=row["id"],
        type=TransactionType(row["type"]),
        year=row["year"],
        document_no=row["document_no"],
        external_ref=row["external_ref"],
        effective_at=row["effective_at"],
        posted_at=row["posted_at"],
        note=row["note"],
        reason=None if row["reason"] is None else Reason(row["reason"]),
        actor=row["actor"],
        reverses_id=row["reverses_id"],
        reversed_by_id=row["reversed_by_id"],
        moves=moves,
    )


def _to_move(row: Row) -> Move:
    source, target = (
        Side(
            row[f"{side}_account"],
            row[f"{side}_location_id"],
            row[f"{side}_seq"],
            row[f"{side}_after"],
        )
        for side in ("from", "to")
    )
    return Move(
        line_no=row["line_no"],
        item_id=row["item_id"],
        sku=row["sku"],
        quantity=row["quantity"],
        entered_quantity=row["entered_quantity"],
        entered_unit=row["entered_unit"],
        source=source,
        target=target,
    )
