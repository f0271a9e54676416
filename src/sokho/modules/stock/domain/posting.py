"""Posting: what is to be entered into the books, and what the books make of it.

Looking up, holding, reckoning and writing are one step of the database's (ADR 0055); what is
refused there is told here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct, field

from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.documents import AccountKind, Document, TransactionType
from sokho.modules.stock.domain.entities import Balance, Move, StockTransaction
from sokho.modules.stock.domain.errors import (
    EffectiveAtInFutureError,
    InsufficientStockError,
    LocationArchivedError,
    PeriodLockedError,
    StockReservedError,
    fault,
    fault_of,
    refuse,
)

_UNKNOWN_UNIT: Final = Text(
    vi="Mặt hàng không có đơn vị tính hay tỷ lệ quy đổi này.",
    en="The item has neither this unit nor a conversion from it.",
)
_SHORT: Final = Text(
    vi="Cần {requested}, chỉ còn {available}.", en="{requested} wanted, {available} available."
)


class Entry(Struct, frozen=True, kw_only=True):
    """A document that is to be entered into the books, which still give it number and time."""

    id: UUID
    document: Document
    actor: str
    request_key: bytes | None = None
    """What stands for the request's Idempotency-Key: no two transactions have the same."""

    reverses_id: UUID | None = None
    moves: Sequence[Move] = ()
    """In the order in which they are made, where accounts and quantities are known before."""


class Wanted(NamedTuple):
    """An account that is still to be opened."""

    item_id: UUID
    kind: AccountKind
    location_id: UUID | None


class Decimals(NamedTuple):
    """How many decimals the item's own unit has, and the unit that a line is told in."""

    own: int
    entered: int


class Entered(Struct, frozen=True, kw_only=True):
    """What the books have made of an entry: posted it, or what keeps them from it.

    The balances of its accounts are held, if all were there.
    """

    posted: StockTransaction | None
    moves: Sequence[Move] = ()
    """What it moves; the accounts as they would be after it. None without its accounts."""

    before: Mapping[UUID, Balance] = field(default_factory=dict)
    """The balances that it was made of; none of what was posted as a transaction of its own."""

    decimals: Sequence[Decimals] = ()
    seen_at: datetime
    """The database's time."""

    wanted: Sequence[Wanted] = ()
    faults: Sequence[tuple[str, str]] = ()
    """Pointers and codes of what is wrong with it."""

    is_short: bool = False
    is_ahead: bool = False
    """Whether it is dated in the future."""

    is_locked: bool = False
    """Whether it is dated in a locked period."""

    @property
    def is_refused(self) -> bool:
        """Whether it cannot be posted as things are."""
        return bool(self.faults) or self.is_short or self.is_ahead or self.is_locked

    @property
    def reserved(self) -> list[UUID]:
        """The accounts on which something is reserved."""
        return [id for id, balance in self.before.items() if balance.reserved]


def refuse_faults(entered: Entered, entry: Entry) -> None:
    """Raise `InvalidError`, or its kind that all faults share, naming every line at fault."""
    if entry.moves and any(code == LocationArchivedError.code for _, code in entered.faults):
        raise LocationArchivedError  # a line that the caller has not written
    faults = [*_faults_of(entered)]
    faults.sort(key=lambda each: [int(part) for part in each.pointer.split("/") if part.isdigit()])
    refuse(faults)


def refuse_shortages(entered: Entered, type: TransactionType) -> None:
    """Raise `InsufficientStockError` where an account would hold less than is reserved on it.

    It names every line of each such account. `StockReservedError` where goods are lost that are
    there, but promised.
    """
    if not entered.is_short:
        return
    moves, before = entered.moves, entered.before
    left = [
        (move.source.account_id, move.source.after)
        for move in moves
        if move.source.after is not None
    ]
    short = {id for id, after in left if after < before[id].reserved}
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


def refuse_locked(entered: Entered) -> None:
    """Raise `PeriodLockedError` for a document whose date lies in a locked period."""
    if entered.is_locked:
        raise PeriodLockedError


def plain(quantity: Decimal) -> str:
    """Return a quantity as clients see it: no exponent, and no zeros behind the last decimal."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _faults_of(entered: Entered) -> Iterator[FieldError]:
    if entered.is_ahead:
        yield fault("/effective_at", EffectiveAtInFutureError)
    for pointer, code in entered.faults:
        if code == "unknown_unit":
            yield FieldError(pointer, code, _UNKNOWN_UNIT)
        else:
            yield fault_of(pointer, code)


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
