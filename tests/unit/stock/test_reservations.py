"""Reservations: what they are by the clock, and the issue that they become."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from msgspec.structs import replace

from sokho.core.domain.errors import InvalidError
from sokho.modules.stock.domain.errors import (
    QuantityOutOfRangeError,
    QuantityPrecisionError,
    ReservationClosedError,
    ReservationExpiredError,
)
from sokho.modules.stock.domain.reservations import Reservation, ReservationState, ReservedLine

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)
HERE, CUSTOMER = UUID(int=10), UUID(int=30)


def a_line(line_no: int = 1, quantity: str = "24", **fields: object) -> ReservedLine:
    """Return a line of cases of 24 cans; of so many cans."""
    line = ReservedLine(
        line_no=line_no,
        item_id=UUID(int=1),
        sku="BIA",
        location_id=UUID(int=20),
        quantity=Decimal(quantity),
        entered_quantity=Decimal(quantity) / 24,
        entered_unit="thùng",
        decimals=0,
        entered_decimals=0,
        account_id=HERE,
        customer_account_id=CUSTOMER,
        is_held=True,
    )
    return replace(line, **fields)


def a_reservation(*lines: ReservedLine, **fields: object) -> Reservation:
    reservation = Reservation(
        id=UUID(int=5),
        recorded_state=ReservationState.OPEN,
        created_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(hours=1),
        transaction_id=None,
        lines=lines or (a_line(),),
        seen_at=NOW,
    )
    return replace(reservation, **fields)


class TestState:
    def test_is_open_until_its_time_has_come(self):
        assert a_reservation(seen_at=NOW + timedelta(hours=1) - TICK).state == "open"
        late = a_reservation(seen_at=NOW + timedelta(hours=1))
        assert late.state == "expired"
        with pytest.raises(ReservationExpiredError):
            late.refuse_unless_open()

    def test_is_expired_once_a_line_was_freed(self):
        assert a_reservation(a_line(), a_line(2, is_held=False)).state == "expired"

    @pytest.mark.parametrize("state", ["confirmed", "released"])
    def test_that_is_closed_stays(self, state: str):
        closed = a_reservation(
            a_line(is_held=False),
            recorded_state=ReservationState(state),
            seen_at=NOW + timedelta(days=9),
        )
        assert closed.state == state
        with pytest.raises(ReservationClosedError):
            closed.refuse_unless_open()

    def test_is_never_shortened(self):
        assert a_reservation().until(timedelta(minutes=5)) == NOW + timedelta(hours=1)
        assert a_reservation().until(timedelta(hours=2)) == NOW + timedelta(hours=2)


class TestIssue:
    def issued(
        self, reservation: Reservation, quantities: list[tuple[int, Decimal]] | None
    ) -> list[tuple[int, str]]:
        """Return what its issue takes, in cans and in its unit."""
        moves = reservation.issued(quantities)
        assert [move.line_no for move in moves] == [*range(1, len(moves) + 1)]
        assert {(move.source.account_id, move.target.account_id) for move in moves} == {
            (HERE, CUSTOMER)
        }
        return [
            (int(move.quantity), f"{move.entered_quantity} {move.entered_unit}") for move in moves
        ]

    def test_takes_all(self):
        reservation = a_reservation(a_line(1, "24"), a_line(2, "72"))
        assert self.issued(reservation, None) == [(24, "1 thùng"), (72, "3 thùng")]

    def test_takes_a_part_by_what_converted_when_it_was_reserved(self):
        reservation = a_reservation(a_line(1, "24"), a_line(2, "72"))
        assert self.issued(reservation, [(2, Decimal(2))]) == [(48, "2 thùng")]

    def test_takes_no_part_of_a_unit_that_has_none(self):
        with pytest.raises(QuantityPrecisionError):
            self.issued(a_reservation(), [(1, Decimal("0.5"))])

    def test_takes_no_part_that_has_no_exact_quantity_in_the_items_own_unit(self):
        line = a_line(1, "24", entered_quantity=Decimal(7), entered_decimals=3)
        with pytest.raises(QuantityPrecisionError):
            self.issued(a_reservation(line), [(1, Decimal(2))])

    def test_takes_what_the_unit_has_no_decimals_for_any_more(self):
        line = a_line(1, "12", entered_quantity=Decimal("0.5"))
        assert self.issued(a_reservation(line), None) == [(12, "0.5 thùng")]

    @pytest.mark.parametrize("quantity", ["0", "-1"])
    def test_takes_more_than_nothing(self, quantity: str):
        with pytest.raises(QuantityOutOfRangeError):
            self.issued(a_reservation(), [(1, Decimal(quantity))])

    @pytest.mark.parametrize(
        ("quantities", "faults"),
        [
            ([(2, "1")], [("/lines/0/line_no", "unknown_line")]),
            ([(1, "1"), (1, "1")], [("/lines/1/line_no", "repeated")]),
            ([(1, "1.000001")], [("/lines/0/quantity", "more_than_reserved")]),
            (
                [(7, "1"), (1, "2")],
                [("/lines/0/line_no", "unknown_line"), ("/lines/1/quantity", "more_than_reserved")],
            ),
        ],
    )
    def test_names_each_line_that_does_not_fit(
        self, quantities: list[tuple[int, str]], faults: list[tuple[str, str]]
    ):
        given = [(line_no, Decimal(quantity)) for line_no, quantity in quantities]
        with pytest.raises(InvalidError) as found:
            a_reservation().issued(given)
        assert [(fault.pointer, fault.code) for fault in found.value.errors] == faults
