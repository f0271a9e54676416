"""Reservations (giữ hàng): goods that are promised, until they are issued or the promise ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.entities import Move, Side
from sokho.modules.stock.domain.errors import (
    QuantityOutOfRangeError,
    QuantityPrecisionError,
    ReservationClosedError,
    ReservationExpiredError,
    fault,
    refuse,
)
from sokho.modules.stock.domain.posting import Entered
from sokho.modules.stock.domain.quantities import LIMIT, MAX_DECIMALS, converted, decimals_of

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


class ReservedLine(Struct, frozen=True, kw_only=True):
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

    def part(self, entered: Decimal) -> tuple[Decimal, type[InvalidError] | None]:
        """Return a part of it in the item's own unit, told in the entered one; or what is wrong."""
        # The unit may have fewer decimals by now: what has them was promised all the same.
        most = max(self.entered_decimals, decimals_of(self.entered_quantity))
        if not 0 < entered < LIMIT:
            return entered, QuantityOutOfRangeError
        numerator, denominator = (
            int(each.scaleb(MAX_DECIMALS)) for each in (self.quantity, self.entered_quantity)
        )
        own = converted(entered, numerator, denominator)
        if own is None or decimals_of(entered) > most or decimals_of(own) > self.decimals:
            return entered, QuantityPrecisionError
        return own, None


class Reservation(Struct, frozen=True, kw_only=True):
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

    def issued(self, quantities: Sequence[tuple[int, Decimal]] | None) -> tuple[Move, ...]:
        """Return the moves of the issue that it becomes.

        `quantities` are numbers of lines and as much of each, in its entered unit; None takes all.
        What was promised may be issued though its item or its location was archived meanwhile,
        and is converted as when it was promised. Raises `InvalidError` naming each line that is
        not there, named twice, too much, or finer than its units.
        """
        if quantities is None:
            quantities = [(line.line_no, line.entered_quantity) for line in self.lines]
        faults: list[FieldError] = []
        moves = []
        for number, (line, quantity) in enumerate(self._chosen(quantities), start=1):
            own, error = line.part(quantity)
            if error is not None:
                faults.append(fault(f"/lines/{number - 1}/quantity", error))
            moves.append(
                Move(
                    line_no=number,
                    item_id=line.item_id,
                    sku=line.sku,
                    quantity=own,
                    entered_quantity=quantity,
                    entered_unit=line.entered_unit,
                    source=Side(line.account_id, line.location_id),
                    target=Side(line.customer_account_id, None),
                )
            )
        refuse(faults)
        return tuple(moves)

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


def lines_of(considered: Entered) -> tuple[ReservedLine, ...]:
    """Return what is reserved for the moves of an issue, were it posted."""
    lines = []
    for move, decimals in zip(considered.moves, considered.decimals, strict=True):
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
                decimals=decimals.own,
                entered_decimals=decimals.entered,
                account_id=move.source.account_id,
                customer_account_id=move.target.account_id,
                is_held=True,
            )
        )
    return tuple(lines)
