"""What `enter_stock_document` answers, read."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.domain.entities import Balance, Move, Side, StockTransaction
from sokho.modules.stock.domain.posting import Decimals, Entered, Entry, Wanted


class _Move(msgspec.Struct):
    line_no: int
    item_id: UUID | None
    quantity: Decimal | None
    entered_quantity: Decimal | None
    entered_unit: str | None
    from_account: UUID | None
    from_seq: int | None
    from_after: Decimal | None
    to_account: UUID | None
    to_seq: int | None
    to_after: Decimal | None


class _Balance(msgspec.Struct):
    account_id: UUID
    on_hand: Decimal
    reserved: Decimal
    seq: int
    posted_at: datetime | None
    effective_at: datetime | None
    minimum: Decimal | None


class _Result(msgspec.Struct):
    id: UUID
    actor: str
    effective_at: datetime
    year: int
    document_no: str | None
    posted_at: datetime | None
    moves: list[_Move]
    skus: list[str | None]
    seen_at: datetime | None = None
    held: list[_Balance] = []
    faults: list[str] = []
    is_open: bool = True
    is_short: bool = False
    is_ahead: bool = False
    is_locked: bool = False
    decimals: list[int | None] = []
    entered_decimals: list[int | None] = []


_DECODER = msgspec.json.Decoder(_Result)


def entered_of(result: str, entry: Entry) -> Entered:
    """Return what the books have made of an entry, from the function's answer: JSON."""
    told = _DECODER.decode(result)
    is_known = told.is_open and not told.faults
    moves = _moves(told, entry) if is_known else ()
    return Entered(
        posted=_posted(told, entry, moves),
        moves=moves,
        before={
            each.account_id: Balance(
                each.on_hand,
                each.reserved,
                each.seq,
                each.posted_at,
                each.effective_at,
                each.minimum,
            )
            for each in told.held
        },
        decimals=[
            Decimals(own, entered)
            for own, entered in zip(told.decimals, told.entered_decimals, strict=True)
            if own is not None and entered is not None
        ],
        seen_at=(told.seen_at or told.effective_at).replace(tzinfo=UTC),
        wanted=_wanted(told, entry) if not told.is_open and not told.faults else (),
        faults=[(pointer, code) for pointer, _, code in (f.partition(" ") for f in told.faults)],
        is_short=told.is_short,
        is_ahead=told.is_ahead,
        is_locked=told.is_locked,
    )


def _posted(told: _Result, entry: Entry, moves: tuple[Move, ...]) -> StockTransaction | None:
    if told.posted_at is None or told.document_no is None:
        return None
    document = entry.document
    return StockTransaction(
        id=told.id,
        type=document.type,
        year=told.year,
        document_no=told.document_no,
        external_ref=document.external_ref,
        effective_at=told.effective_at.replace(tzinfo=UTC),
        posted_at=told.posted_at.replace(tzinfo=UTC),
        note=document.note,
        reason=document.reason,
        actor=told.actor,
        reverses_id=entry.reverses_id,
        reversed_by_id=None,
        moves=moves,
    )


def _moves(told: _Result, entry: Entry) -> tuple[Move, ...]:
    """Return the moves in the order of their lines: places and SKUs were known or are told."""
    if entry.moves:
        known = [
            (move.sku, move.source.location_id, move.target.location_id) for move in entry.moves
        ]
    else:
        known = [
            (sku or "", line.from_location_id, line.to_location_id)
            for sku, line in zip(told.skus, entry.document.lines, strict=True)
        ]
    moves = []
    for move, (sku, from_location_id, to_location_id) in zip(told.moves, known, strict=True):
        assert move.item_id is not None
        assert move.quantity is not None
        assert move.entered_quantity is not None
        assert move.entered_unit is not None
        assert move.from_account is not None
        assert move.to_account is not None
        moves.append(
            Move(
                line_no=move.line_no,
                item_id=move.item_id,
                sku=sku,
                quantity=move.quantity,
                entered_quantity=move.entered_quantity,
                entered_unit=move.entered_unit,
                source=Side(move.from_account, from_location_id, move.from_seq, move.from_after),
                target=Side(move.to_account, to_location_id, move.to_seq, move.to_after),
            )
        )
    moves.sort(key=lambda move: move.line_no)
    return tuple(moves)


def _wanted(told: _Result, entry: Entry) -> list[Wanted]:
    wanted: dict[Wanted, None] = {}
    for line, move in zip(entry.document.lines, told.moves, strict=True):
        source, target = entry.document.kinds(line)
        ends: tuple[tuple[UUID | None, AccountKind, UUID | None], ...] = (
            (move.from_account, source, line.from_location_id),
            (move.to_account, target, line.to_location_id),
        )
        for account, kind, location_id in ends:
            if account is None and move.item_id is not None:
                wanted[Wanted(move.item_id, kind, location_id)] = None
    return [*wanted]
