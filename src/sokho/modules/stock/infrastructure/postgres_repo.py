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
from sokho.core.infrastructure.database.turns import Turn, sharing
from sokho.modules.stock.domain.documents import AccountKind, Document, Reason, TransactionType
from sokho.modules.stock.domain.entities import Balance, Move, Side, StockTransaction
from sokho.modules.stock.domain.errors import (
    AlreadyReversedError,
    DuplicateDocumentNoError,
    DuplicateExternalRefError,
    DuplicateRequestError,
    LocationArchivedError,
)
from sokho.modules.stock.domain.posting import Books, KnownItem, KnownLine, KnownPlace
from sokho.modules.stock.domain.repository import (
    BY_ID,
    Entry,
    Low,
    Month,
    StockRepository,
    TransactionFilter,
)
from sokho.modules.stock.infrastructure.backdating_statements import LOWS, SUM_UP
from sokho.modules.stock.infrastructure.digests import Seal, message
from sokho.modules.stock.infrastructure.period_statements import LOCK_COLUMNS
from sokho.modules.stock.infrastructure.posting_statements import HOLD, LOOK_UP, OPEN, POST
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
        # Before anything is read: whoever locks a period waits for all who post, or they for him.
        transaction.begin_with(sharing(Turn.PERIODS, transaction.tenant_id))
        self._tx = transaction
        self._seal = seal

    async def look_up(self, document: Document) -> Books:
        lines = []
        for number, line in enumerate(document.lines, start=1):
            source, target = document.kinds(line)
            lines.append(
                {
                    "line_no": number,
                    "item_id": line.item_id,
                    "sku_key": line.sku and caseless(line.sku),
                    "unit": line.unit,
                    "from_kind": source,
                    "from_location_id": line.from_location_id,
                    "to_kind": target,
                    "to_location_id": line.to_location_id,
                }
            )
        rows = await self._tx.fetch_all(LOOK_UP, lines=lines)
        known = [
            KnownLine(
                item=_known_item(row, line.unit),
                source=_known_place(row, "from", line.from_location_id),
                target=_known_place(row, "to", line.to_location_id),
            )
            for row, line in zip(rows, document.lines, strict=True)
        ]
        balances = {
            row[f"{side}_account"]: balance_of(row, f"{side}_")
            for row in rows
            for side in ("from", "to")
            if row[f"{side}_on_hand"] is not None
        }
        return Books(lines=known, balances=balances, **general_of(rows[0]))

    async def open_accounts(self, document: Document, books: Books) -> None:
        wanted: set[tuple[UUID, AccountKind, UUID | None]] = set()
        for line, known in zip(document.lines, books.lines, strict=True):
            for kind, place in zip(document.kinds(line), (known.source, known.target), strict=True):
                if place.account_id is None and known.item is not None:
                    wanted.add((known.item.id, kind, place.location_id))
        new = [
            {"id": new_id(), "item_id": item_id, "kind": kind, "location_id": location_id}
            for item_id, kind, location_id in wanted
        ]
        try:
            await self._tx.fetch_all(
                OPEN, new_accounts=new, item_ids=[item_id for item_id, _, _ in wanted]
            )
        except ConstraintViolationError as violation:
            raise CollisionError from violation  # a location has just been deleted

    async def store(self, entry: Entry) -> StockTransaction:
        sides = [side for move in entry.moves for side in (move.source, move.target)]
        sides.sort(key=lambda side: side.seq or 0)  # a reversal goes backwards through its lines
        last = {side.account_id: side for side in sides if side.seq is not None}
        try:
            row = await self._tx.fetch_one(
                POST,
                **{name: getattr(entry, name) for name in _HEADER},
                request_key=entry.request_key,
                not_before=entry.not_before,
                receiving=receiving(entry.moves),
                own_no=entry.document_no,
                prefix=f"{entry.type.prefix}-{entry.year}-",
                moves=[_stored_move(move) for move in entry.moves],
                account_ids=list(last),
                new_balances=[
                    {"account_id": side.account_id, "on_hand": side.after, "seq": side.seq}
                    for side in last.values()
                ],
                message=message(self._tx.tenant_id, entry),
                inner_key=self._seal.inner_key,
                outer_key=self._seal.outer_key,
                digest_key_id=self._seal.key_id,
            )
        except ConstraintViolationError as violation:
            if violation.constraint == _NUMBER and entry.document_no is None:
                raise CollisionError from violation  # a client has just given it to a document
            if violation.constraint in _REFUSALS:
                raise _REFUSALS[violation.constraint] from violation
            raise
        if row is None:
            raise LocationArchivedError
        return StockTransaction(
            **{name: getattr(entry, name) for name in _HEADER},
            document_no=row["document_no"],
            posted_at=row["posted_at"],
            reversed_by_id=None,
            moves=tuple(entry.moves),
        )

    async def sum_up(self, months: Collection[Month]) -> None:
        await self._tx.fetch_all(SUM_UP, **_columns(months))

    async def lows(self, months: Collection[Month], since: datetime) -> Sequence[Low]:
        rows = await self._tx.fetch_all(LOWS, since=since, **_columns(months))
        return [Low(row["account_id"], row["quantity"], row["short_at"]) for row in rows]

    async def get(self, id: UUID) -> StockTransaction | None:
        row = await self._tx.fetch_one(GET, id=id)
        return None if row is None else (await self.with_moves([row]))[0]

    async def hold(self, account_ids: Collection[UUID]) -> Books:
        rows = await self._tx.fetch_all(HOLD, account_ids=list(account_ids))
        balances = {row["account_id"]: balance_of(row) for row in rows}
        return Books(lines=(), balances=balances, **general_of(rows[0]))

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


_HEADER: Final = (
    *("id", "type", "year", "external_ref", "effective_at", "note", "reason", "actor"),
    "reverses_id",
)


def receiving(moves: Sequence[Move]) -> list[UUID]:
    """Return the locations that moves bring goods to."""
    places = (move.target.location_id for move in moves)
    return [*{place for place in places if place is not None}]


def _columns(months: Collection[Month]) -> dict[str, list[Any]]:
    account_ids, starts, ends = zip(*sorted(months), strict=True)
    return {"account_ids": list(account_ids), "starts": list(starts), "ends": list(ends)}


def general_of(row: Row) -> dict[str, Any]:
    """Return what books say beside lines and balances."""
    return {name: row[name] for name in ("now", "time_zone", *LOCK_COLUMNS.values())}


def _stored_move(move: Move) -> dict[str, object]:
    return {
        "line_no": move.line_no,
        "item_id": move.item_id,
        "quantity": move.quantity,
        "entered_quantity": move.entered_quantity,
        "entered_unit": move.entered_unit,
        "from_account": move.source.account_id,
        "from_seq": move.source.seq,
        "from_after": move.source.after,
        "to_account": move.target.account_id,
        "to_seq": move.target.seq,
        "to_after": move.target.after,
    }


def _known_item(row: Row, entered: str | None) -> KnownItem | None:
    if row["item_id"] is None:
        return None
    decimals = row["decimals"]
    is_own = entered is None or entered == row["unit"]
    converts = row["numerator"] is not None
    return KnownItem(
        id=row["item_id"],
        sku=row["sku"],
        is_archived=row["status"] == "archived",
        unit=row["unit"],
        decimals=decimals,
        entered_decimals=decimals if is_own else row["entered_decimals"] if converts else None,
        numerator=1 if is_own or not converts else row["numerator"],
        denominator=1 if is_own or not converts else row["denominator"],
    )


def _known_place(row: Row, side: str, location_id: UUID | None) -> KnownPlace:
    status = row[f"{side}_status"]
    return KnownPlace(
        account_id=row[f"{side}_account"],
        location_id=location_id,
        is_known=location_id is None or status is not None,
        is_archived=status == "archived",
    )


def balance_of(row: Row, prefix: str = "") -> Balance:
    """Return the balance in a row."""
    return Balance(
        row[f"{prefix}on_hand"],
        row[f"{prefix}reserved"],
        row[f"{prefix}seq"],
        row[f"{prefix}posted_at"],
        row[f"{prefix}effective_at"],
        row[f"{prefix}minimum"],
    )


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
