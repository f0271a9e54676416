"""Reservations (giữ hàng): goods that are promised, until they are issued or the promise ends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.documents import Line
from sokho.modules.stock.domain.entities import Balance, Move
from sokho.modules.stock.domain.errors import (
    ReservationClosedError,
    ReservationExpiredError,
    refuse,
)
from sokho.modules.stock.domain.posting import Books, KnownItem, KnownLine, KnownPlace
from sokho.modules.stock.domain.quantities import MAX_DECIMALS, decimals_of

LONGEST: Final = timedelta(days=366)
"""How long goods may be promised at a time."""

_UNKNOWN_LINE: Final = Text(
    vi="Lần giữ hàng không có dòng này.", en="The reservation has no such line."
)
_REPEATED: Final = Text(vi="Dòng này đã ghi ở trên.", en="This line is named before.")
_TOO_MUCH: Final = Text(vi="Nhiều hơn số đã giữ.", en="This is more than is reserved.")


class ReservationState(StrEnum):
    """What has become of a reservation."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedLine:
    """So much of one item at one location, and the two accounts of the issue that it is for."""

    line_no: int
    item_id: UUID
    sku: str
    location_id: UUID
    quantity: Decimal
    """In the item's own unit."""

    entered_quantity: Decimal
    entered_unit: str
    decimals: int
    entered_decimals: int
    """Of both units."""

    account_id: UUID
    customer_account_id: UUID
    is_held: bool
    """Whether it counts in the balance's `reserved`: no longer, once closed or freed as expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Goods promised until a time, as they were at `seen_at`; both are the database's."""

    id: UUID
    recorded_state: ReservationState
    created_at: datetime
    expires_at: datetime
    transaction_id: UUID | None
    lines: tuple[ReservedLine, ...]
    seen_at: datetime

    @property
    def state(self) -> ReservationState:
        """What it is, though nobody may have written down yet that it has expired.

        Of an open one every line is held; where one was freed its time had come, whatever became
        of the clock since.
        """
        if self.recorded_state is not ReservationState.OPEN:
            return self.recorded_state
        holds = self.seen_at < self.expires_at and all(line.is_held for line in self.lines)
        return ReservationState.OPEN if holds else ReservationState.EXPIRED

    def refuse_unless_open(self) -> None:
        """Raise `ReservationExpiredError` or `ReservationClosedError`."""
        if self.state is ReservationState.EXPIRED:
            raise ReservationExpiredError
        if self.state is not ReservationState.OPEN:
            raise ReservationClosedError

    def until(self, expires_in: timedelta) -> datetime:
        """Return its end where it is to last so long from now: never an earlier one."""
        return max(self.expires_at, self.seen_at + expires_in)

    def issue(
        self, balances: Mapping[UUID, Balance], quantities: Sequence[tuple[int, Decimal]] | None
    ) -> tuple[tuple[Line, ...], tuple[KnownLine, ...], dict[UUID, Balance]]:
        """Return the lines of the issue that it becomes, what is known of them, and the balances.

        `quantities` are numbers of lines and as much of each, in its entered unit; None takes all.
        In the balances the whole of it is free. Raises `InvalidError` naming each line that is not
        there, named twice or too much.
        """
        if quantities is None:
            quantities = [(line.line_no, line.entered_quantity) for line in self.lines]
        chosen = self._chosen(quantities)
        lines = tuple(
            Line(
                quantity=quantity,
                item_id=line.item_id,
                unit=line.entered_unit,
                from_location_id=line.location_id,
            )
            for line, quantity in chosen
        )
        known = tuple(_known(line) for line, _ in chosen)
        return lines, known, released(balances, held_of(self.lines))

    def _chosen(
        self, quantities: Sequence[tuple[int, Decimal]]
    ) -> list[tuple[ReservedLine, Decimal]]:
        lines = {line.line_no: line for line in self.lines}
        chosen: dict[int, tuple[ReservedLine, Decimal]] = {}
        faults: list[FieldError] = []
        for number, (line_no, quantity) in enumerate(quantities):
            line, place = lines.get(line_no), f"/lines/{number}"
            if line is None:
                faults.append(FieldError(f"{place}/line_no", "unknown_line", _UNKNOWN_LINE))
                continue
            if line_no in chosen:
                faults.append(FieldError(f"{place}/line_no", "repeated", _REPEATED))
            if quantity > line.entered_quantity:
                faults.append(FieldError(f"{place}/quantity", "more_than_reserved", _TOO_MUCH))
            chosen[line_no] = line, quantity
        refuse(faults)
        return [*chosen.values()]


def lines_of(moves: Sequence[Move], books: Books) -> tuple[ReservedLine, ...]:
    """Return what is reserved for the moves of an issue, were it posted by these books."""
    lines = []
    for move, known in zip(moves, books.lines, strict=True):
        assert known.item is not None
        assert known.item.entered_decimals is not None
        assert move.source.location_id is not None
        lines.append(
            ReservedLine(
                line_no=move.line_no,
                item_id=move.item_id,
                sku=move.sku,
                location_id=move.source.location_id,
                quantity=move.quantity,
                entered_quantity=move.entered_quantity,
                entered_unit=move.entered_unit,
                decimals=known.item.decimals,
                entered_decimals=known.item.entered_decimals,
                account_id=move.source.account_id,
                customer_account_id=move.target.account_id,
                is_held=True,
            )
        )
    return tuple(lines)


def held_of(lines: Iterable[ReservedLine]) -> dict[UUID, Decimal]:
    """Return how much lines hold of each account."""
    held: dict[UUID, Decimal] = {}
    for line in lines:
        if line.is_held:
            held[line.account_id] = held.get(line.account_id, Decimal(0)) + line.quantity
    return held


def released(
    balances: Mapping[UUID, Balance], quantities: Mapping[UUID, Decimal]
) -> dict[UUID, Balance]:
    """Return the balances of accounts with so much less reserved."""
    return {
        id: replace(balance, reserved=balance.reserved - quantities.get(id, 0))
        for id, balance in balances.items()
    }


def _known(line: ReservedLine) -> KnownLine:
    """Return what is known of a line: as when it was reserved, whatever converts otherwise now.

    What was promised may be issued though its item or its location was archived meanwhile.
    """
    numerator, denominator = (
        int(each.scaleb(MAX_DECIMALS)) for each in (line.quantity, line.entered_quantity)
    )
    return KnownLine(
        item=KnownItem(
            id=line.item_id,
            sku=line.sku,
            is_archived=False,
            unit=line.entered_unit,
            decimals=line.decimals,
            # The unit may have fewer by now: what has them was promised all the same.
            entered_decimals=max(line.entered_decimals, decimals_of(line.entered_quantity)),
            numerator=numerator,
            denominator=denominator,
        ),
        source=KnownPlace(account_id=line.account_id, location_id=line.location_id),
        target=KnownPlace(account_id=line.customer_account_id),
    )
