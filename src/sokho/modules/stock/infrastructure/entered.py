"""What `enter_stock_document` answers, read."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from sokho.modules.stock.domain.entities import Balance, Move, StockTransaction
from sokho.modules.stock.domain.posting import Decimals, Entered, Entry, Wanted


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
    moves: list[Move]
    seen_at: datetime | None = None
    held: list[_Balance] = []
    faults: list[str] = []
    is_known: bool = True
    items: list[UUID | None] = []
    sources: list[UUID | None] = []
    targets: list[UUID | None] = []
    is_short: bool = False
    is_ahead: bool = False
    is_locked: bool = False
    decimals: list[int | None] = []
    entered_decimals: list[int | None] = []


_DECODER = msgspec.json.Decoder(_Result)

_FIELDS: Final = ("item_id", "from_location_id", "to_location_id", "quantity", "unit")
"""In the order in which the faults of a line are told."""


def entered_of(result: str, entry: Entry) -> Entered:
    """Return what the books have made of an entry, from the function's answer: JSON."""
    told = _DECODER.decode(result)
    moves = tuple(sorted(told.moves, key=lambda move: move.line_no))
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
        wanted=() if told.is_known or told.faults else _wanted(told, entry),
        faults=_faults(told),
        is_short=told.is_short,
        is_ahead=told.is_ahead,
        is_locked=told.is_locked,
    )


def _faults(told: _Result) -> list[tuple[str, str]]:
    """Return what is wrong, line by line: the function looks at all items before all places."""
    found = [(int(index), field, code) for index, field, code in map(str.split, told.faults)]
    found.sort(key=lambda fault: (fault[0], _FIELDS.index(fault[1])))
    return [(f"/lines/{index}/{field}", code) for index, field, code in found]


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


def _wanted(told: _Result, entry: Entry) -> list[Wanted]:
    wanted: dict[Wanted, None] = {}
    lines = zip(entry.document.lines, told.items, told.sources, told.targets, strict=True)
    for line, item_id, source_id, target_id in lines:
        source, target = entry.document.kinds(line)
        ends = (
            (source_id, source, line.from_location_id),
            (target_id, target, line.to_location_id),
        )
        for account_id, kind, location_id in ends:
            if account_id is None and item_id is not None:
                wanted[Wanted(item_id, kind, location_id)] = None
    return [*wanted]
