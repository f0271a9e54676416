"""Posting: from what is asked for and what the books say to the moves, or to what is at fault."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.entities import Balance, Move, Side
from sokho.modules.stock.domain.errors import (
    EffectiveAtInFutureError,
    InsufficientStockError,
    ItemArchivedError,
    LocationArchivedError,
    QuantityOutOfRangeError,
    QuantityPrecisionError,
    StockReservedError,
    UnknownItemError,
    UnknownLocationError,
    fault,
    refuse,
)
from sokho.modules.stock.domain.quantities import LIMIT, converted, decimals_of

TOLERANCE: Final = timedelta(minutes=5)
"""How far a document's date may be ahead of the database's clock."""

_UNKNOWN_UNIT: Final = Text(
    vi="Mặt hàng không có đơn vị tính hay tỷ lệ quy đổi này.",
    en="The item has neither this unit nor a conversion from it.",
)
_SHORT: Final = Text(
    vi="Cần {requested}, chỉ còn {available}.", en="{requested} wanted, {available} available."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItem:
    """What the books say of the item that a line names, and of the unit that it is told in."""

    id: UUID
    sku: str
    is_archived: bool
    unit: str
    decimals: int
    entered_decimals: int | None = None
    """Of the unit of the line; None where the item has no such unit."""

    numerator: int = 1
    denominator: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlace:
    """What the books say of one end of a line. A virtual one is no location."""

    account_id: UUID | None
    """None until something has moved there."""

    location_id: UUID | None = None
    is_known: bool = True
    is_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLine:
    """A line, and what the books say of it."""

    item: KnownItem | None
    source: KnownPlace
    target: KnownPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What has to be known to post a document: its lines, and the balances, which are held."""

    lines: Sequence[KnownLine]
    balances: dict[UUID, Balance]
    now: datetime
    """The database's time."""

    time_zone: str
    locked_before: datetime | None = None
    """Documents dated before this are refused."""

    locked_at: datetime | None = None
    """When that was set."""

    @property
    def last_posted_at(self) -> datetime | None:
        """The last time at which one of the accounts was posted to."""
        times = [each.posted_at for each in self.balances.values() if each.posted_at is not None]
        return max(times, default=None)

    def year_of(self, instant: datetime) -> int:
        """Return the year that an instant falls into where the business is."""
        try:
            return instant.astimezone(ZoneInfo(self.time_zone)).year
        except OverflowError:  # the first hours of the first year, west of Greenwich
            return instant.year

    @property
    def are_open(self) -> bool:
        """Whether every account that the lines need is there already."""
        return all(
            place.account_id is not None
            for line in self.lines
            for place in (line.source, line.target)
        )


def check(document: Document, books: Books) -> tuple[Decimal, ...]:
    """Return the quantity of each line in its item's own unit.

    Raises `InvalidError`, or its kind that all faults share, naming every line at fault.
    """
    faults: list[FieldError] = []
    if document.effective_at is not None and document.effective_at > books.now + TOLERANCE:
        faults.append(fault("/effective_at", EffectiveAtInFutureError))
    quantities = []
    for number, (line, known) in enumerate(zip(document.lines, books.lines, strict=True)):
        found = [*_faults_of_places(known)]
        quantity = _own_quantity(line, known, found)
        quantities.append(quantity)
        faults += (each.below(f"/lines/{number}") for each in found)
    refuse(faults)
    return tuple(quantities)


def post(document: Document, books: Books, quantities: Sequence[Decimal]) -> list[Move]:
    """Return the moves of a document, each with its accounts' balances after it.

    Lines are taken in their order, so those of one item see what those before have left. Raises
    `InsufficientStockError` naming every line of each account that falls short;
    `StockReservedError` where an adjustment would take what is there, but promised;
    `QuantityOutOfRangeError`.
    """
    running = dict(books.balances)
    moves: list[Move] = []
    for number, (line, known, quantity) in enumerate(
        zip(document.lines, books.lines, quantities, strict=True), start=1
    ):
        assert known.item is not None
        source, target = (
            _moved(running, place, by)
            for place, by in ((known.source, -quantity), (known.target, quantity))
        )
        moves.append(
            Move(
                line_no=number,
                item_id=known.item.id,
                sku=known.item.sku,
                quantity=quantity,
                entered_quantity=line.quantity,
                entered_unit=line.unit or known.item.unit,
                source=source,
                target=target,
            )
        )
    _refuse_shortages(document.type, moves, books.balances)
    _refuse_excess(moves)
    return moves


def reversal(
    type: TransactionType, moves: Sequence[Move], balances: dict[UUID, Balance]
) -> list[Move]:
    """Return the moves that undo those of a document of this type.

    The last is undone first: what a document has passed on, it can take back only in this order.
    Raises as `post`.
    """
    running = dict(balances)
    undone: list[Move] = []
    for move in reversed(moves):
        source, target = (
            _moved(
                running, KnownPlace(account_id=side.account_id, location_id=side.location_id), by
            )
            for side, by in ((move.target, -move.quantity), (move.source, move.quantity))
        )
        undone.append(replace(move, source=source, target=target))
    undone.reverse()
    _refuse_shortages(type, undone, balances)
    _refuse_excess(undone)
    return undone


def plain(quantity: Decimal) -> str:
    """Return a quantity as clients see it: no exponent, and no zeros behind the last decimal."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _refuse_shortages(
    type: TransactionType, moves: Sequence[Move], before: dict[UUID, Balance]
) -> None:
    """Raise `InsufficientStockError` where an account would hold less than is reserved on it.

    `StockReservedError` where goods are lost that are there, but promised.
    """
    left = [
        (move.source.account_id, move.source.after)
        for move in moves
        if move.source.after is not None
    ]
    short = {id for id, after in left if after < before[id].reserved}
    if not short:
        return
    is_there = min(after for _, after in left) >= 0
    is_loss = type is TransactionType.ADJUSTMENT
    error = StockReservedError if is_loss and is_there else InsufficientStockError
    shortages = []
    for move in moves:
        account = move.source.account_id
        if account in short:
            asked = sum(each.quantity for each in moves if each.source.account_id == account)
            shortages.append(_shortage(error, move, asked, before[account].available))
    raise error(*shortages)


def _refuse_excess(moves: Sequence[Move]) -> None:
    """Raise `QuantityOutOfRangeError` where an account would hold more than can be told."""
    refuse(
        [
            fault(f"/lines/{move.line_no - 1}/quantity", QuantityOutOfRangeError)
            for move in moves
            if move.target.after is not None and move.target.after >= LIMIT
        ]
    )


def _shortage(
    error: type[InsufficientStockError], move: Move, requested: Decimal | int, available: Decimal
) -> FieldError:
    told = {"requested": plain(Decimal(requested)), "available": plain(available)}
    return FieldError(
        f"/lines/{move.line_no - 1}",
        error.code,
        _SHORT.format(**told),
        {"item_id": move.item_id, "location_id": move.source.location_id, **told},
    )


def _moved(running: dict[UUID, Balance], place: KnownPlace, by: Decimal) -> Side:
    """Return one end of a move, having written it into the running balances."""
    assert place.account_id is not None
    balance = running.get(place.account_id)
    if balance is None:
        return Side(place.account_id, None)
    after = replace(balance, on_hand=balance.on_hand + by, seq=balance.seq + 1)
    running[place.account_id] = after
    return Side(place.account_id, place.location_id, after.seq, after.on_hand)


def _faults_of_places(known: KnownLine) -> Iterator[FieldError]:
    if known.item is None:
        yield fault("/item_id", UnknownItemError)
    elif known.item.is_archived:
        yield fault("/item_id", ItemArchivedError)
    for pointer, place in (("/from_location_id", known.source), ("/to_location_id", known.target)):
        if not place.is_known:
            yield fault(pointer, UnknownLocationError)
        elif place.is_archived:
            yield fault(pointer, LocationArchivedError)


def _own_quantity(line: Line, known: KnownLine, faults: list[FieldError]) -> Decimal:
    """Return the quantity in the item's own unit; what keeps it from one goes to `faults`."""
    error: type[InvalidError] | None = None
    exact: Decimal | None = None
    if not 0 < line.quantity < LIMIT:
        error = QuantityOutOfRangeError
    elif known.item is None:
        return line.quantity
    elif known.item.entered_decimals is None:
        faults.append(FieldError("/unit", "unknown_unit", _UNKNOWN_UNIT))
        return line.quantity
    elif decimals_of(line.quantity) > known.item.entered_decimals:
        error = QuantityPrecisionError
    else:
        exact = converted(line.quantity, known.item.numerator, known.item.denominator)
        if exact is None or decimals_of(exact) > known.item.decimals:
            error = QuantityPrecisionError
        elif exact >= LIMIT:
            error = QuantityOutOfRangeError
    if error is not None:
        faults.append(fault("/quantity", error))
    return exact or line.quantity
