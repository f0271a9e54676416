"""Posting: what the books say becomes moves that go on from one another, or is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.entities import Balance, Move
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
)
from sokho.modules.stock.domain.posting import (
    TOLERANCE,
    Books,
    KnownItem,
    KnownLine,
    KnownPlace,
    check,
    post,
    reversal,
)

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEER: Final = KnownItem(
    id=UUID(int=1), sku="BIA", is_archived=False, unit="lon", decimals=0, entered_decimals=0
)
A, B, C = (KnownPlace(account_id=UUID(int=10 + n), location_id=UUID(int=20 + n)) for n in range(3))
SUPPLIER, CUSTOMER = (KnownPlace(account_id=UUID(int=30 + n)) for n in range(2))


def books(*known: KnownLine, **on_hand: str) -> Books:
    """Return books with so much on A, B and C, each behind its tenth move."""
    places = {"a": A, "b": B, "c": C}
    balances: dict[UUID, Balance] = {}
    for name, place in places.items():
        assert place.account_id is not None
        balances[place.account_id] = Balance(Decimal(on_hand.get(name, "0")), Decimal(0), 10, NOW)
    return Books(lines=known, balances=balances, now=NOW, time_zone="Asia/Ho_Chi_Minh")


def known(source: KnownPlace, target: KnownPlace, item: KnownItem | None = BEER) -> KnownLine:
    return KnownLine(item=item, source=source, target=target)


def a_document(*quantities: str, effective_at: datetime | None = None) -> Document:
    lines = tuple(Line(quantity=Decimal(each), item_id=BEER.id) for each in quantities)
    return Document(type=TransactionType.TRANSFER, lines=lines, effective_at=effective_at)


def moved(found: Books, *quantities: str) -> list[Move]:
    document = a_document(*quantities)
    return post(document, found, check(document, found))


def chain(moves: list[Move], place: KnownPlace) -> list[tuple[int, int]]:
    """Return number and balance after each move of a place, in the order of the numbers."""
    sides = [side for move in moves for side in (move.source, move.target)]
    of_place = [side for side in sides if side.account_id == place.account_id]
    return sorted((side.seq or 0, int(side.after or 0)) for side in of_place)


def told(error: InvalidError | InsufficientStockError) -> list[tuple[str, str]]:
    return [(each.pointer, each.code) for each in error.errors]


class TestMoves:
    def test_of_a_receipt_have_a_number_and_a_balance_at_the_place_alone(self):
        [move] = moved(books(known(SUPPLIER, A), a="5"), "3")
        assert (move.source.seq, move.source.after, move.source.location_id) == (None, None, None)
        assert (move.target.seq, move.target.after) == (11, Decimal(8))
        assert move.target.location_id == A.location_id

    def test_of_several_lines_go_on_from_one_another(self):
        moves = moved(books(*[known(A, CUSTOMER)] * 3, a="6"), "1", "2", "3")
        assert [move.line_no for move in moves] == [1, 2, 3]
        assert chain(moves, A) == [(11, 5), (12, 3), (13, 0)]

    def test_may_pass_on_what_the_same_document_has_brought(self):
        moves = moved(books(known(A, B), known(B, C), a="5"), "5", "5")
        assert chain(moves, A) == [(11, 0)]
        assert chain(moves, B) == [(11, 5), (12, 0)]
        assert chain(moves, C) == [(11, 5)]

    def test_keep_what_was_entered(self):
        case = replace(BEER, numerator=24, denominator=1)
        found = books(known(SUPPLIER, A, case))
        document = replace(
            a_document(), lines=(Line(quantity=Decimal("2.0"), item_id=BEER.id, unit="thùng"),)
        )
        [move] = post(document, found, check(document, found))
        assert (int(move.quantity), int(move.entered_quantity)) == (48, 2)
        assert move.entered_unit == "thùng"

    def test_leave_the_balances_that_they_were_made_from(self):
        found = books(known(SUPPLIER, A), a="5")
        moved(found, "3")
        assert found.balances == books(a="5").balances


class TestShortage:
    def refused(self, found: Books, *quantities: str) -> list[FieldError]:
        with pytest.raises(InsufficientStockError) as error:
            moved(found, *quantities)
        return list(error.value.errors)

    def test_is_of_all_lines_of_the_item_together(self):
        errors = self.refused(books(known(A, CUSTOMER), known(A, CUSTOMER), a="5"), "3", "3")
        assert [error.pointer for error in errors] == ["/lines/0", "/lines/1"]
        for error in errors:
            assert error.code == "insufficient_stock"
            assert error.more == {
                "item_id": BEER.id,
                "location_id": A.location_id,
                "requested": "6",
                "available": "5",
            }

    def test_names_the_lines_of_the_short_place_alone(self):
        lines = known(A, CUSTOMER), known(B, CUSTOMER), known(C, CUSTOMER)
        errors = self.refused(books(*lines, a="9", b="1", c="0"), "1", "2", "3")
        assert [error.pointer for error in errors] == ["/lines/1", "/lines/2"]

    def test_spares_what_is_reserved(self):
        found = books(known(A, CUSTOMER), a="5")
        assert A.account_id is not None
        found.balances[A.account_id] = replace(found.balances[A.account_id], reserved=Decimal(3))
        assert chain(moved(found, "2"), A) == [(11, 3)]
        [error] = self.refused(found, "3")
        assert error.more["available"] == "2"

    def test_of_goods_that_are_there_but_promised_is_told_of_a_loss_alone(self):
        found = books(known(A, CUSTOMER), a="5")
        assert A.account_id is not None
        found.balances[A.account_id] = replace(found.balances[A.account_id], reserved=Decimal(3))
        for kind, quantity, error in (
            (TransactionType.ADJUSTMENT, "3", StockReservedError),
            (TransactionType.ADJUSTMENT, "6", InsufficientStockError),
            (TransactionType.ISSUE, "3", InsufficientStockError),
        ):
            document = replace(a_document(quantity), type=kind)
            with pytest.raises(InsufficientStockError) as refusal:
                post(document, found, [Decimal(quantity)])
            assert refusal.type is error
            assert told(refusal.value) == [("/lines/0", error.code)]

    def test_is_none_where_exactly_everything_goes(self):
        assert chain(moved(books(known(A, CUSTOMER), a="5"), "5"), A) == [(11, 0)]

    def test_is_seen_in_the_order_of_the_lines(self):
        self.refused(books(known(B, C), known(A, B), a="5"), "5", "5")


class TestCheck:
    @pytest.mark.parametrize(
        ("quantity", "error"),
        [
            *(("0", QuantityOutOfRangeError), ("-1", QuantityOutOfRangeError)),
            *(("1" + "0" * 14, QuantityOutOfRangeError), ("1E+30", QuantityOutOfRangeError)),
            *(("0.5", QuantityPrecisionError), ("1." + "0" * 40 + "1", QuantityPrecisionError)),
        ],
    )
    def test_refuses_a_quantity(self, quantity: str, error: type[InvalidError]):
        with pytest.raises(error) as found:
            moved(books(known(SUPPLIER, A)), quantity)
        assert told(found.value) == [("/lines/0/quantity", error.code)]

    def test_refuses_what_has_no_exact_quantity_in_the_items_own_unit(self):
        third = replace(BEER, decimals=6, numerator=1, denominator=3)
        with pytest.raises(QuantityPrecisionError):
            moved(books(known(SUPPLIER, A, third)), "1")
        half = replace(BEER, decimals=0, entered_decimals=1, numerator=1)
        with pytest.raises(QuantityPrecisionError):
            moved(books(known(SUPPLIER, A, half)), "0.5")

    def test_refuses_what_is_too_much_in_the_items_own_unit(self):
        crate = replace(BEER, numerator=1_000)
        with pytest.raises(QuantityOutOfRangeError):
            moved(books(known(SUPPLIER, A, crate)), "100000000000")

    def test_refuses_more_than_a_place_can_hold(self):
        found = books(known(SUPPLIER, A), a="99999999999999")
        with pytest.raises(QuantityOutOfRangeError) as error:
            moved(found, "1")
        assert told(error.value) == [("/lines/0/quantity", "quantity_out_of_range")]

    @pytest.mark.parametrize(
        ("line", "error", "pointer"),
        [
            (known(SUPPLIER, A, None), UnknownItemError, "/item_id"),
            (known(SUPPLIER, A, replace(BEER, is_archived=True)), ItemArchivedError, "/item_id"),
            (
                known(SUPPLIER, replace(A, is_known=False)),
                *(UnknownLocationError, "/to_location_id"),
            ),
            (
                known(replace(A, is_archived=True), CUSTOMER),
                *(LocationArchivedError, "/from_location_id"),
            ),
        ],
    )
    def test_refuses_what_is_not_there_or_archived(
        self, line: KnownLine, error: type[InvalidError], pointer: str
    ):
        with pytest.raises(error) as found:
            moved(books(known(SUPPLIER, A), line, a="5"), "1", "1")
        assert told(found.value) == [(f"/lines/1{pointer}", error.code)]

    def test_tells_faults_of_several_kinds_together(self):
        lines = known(SUPPLIER, A, None), known(SUPPLIER, replace(A, is_known=False))
        with pytest.raises(InvalidError) as found:
            moved(books(*lines), "1", "0")
        assert type(found.value) is InvalidError
        assert told(found.value) == [
            ("/lines/0/item_id", "unknown_item"),
            ("/lines/1/to_location_id", "unknown_location"),
            ("/lines/1/quantity", "quantity_out_of_range"),
        ]

    def test_refuses_a_unit_that_the_item_is_not_told_in(self):
        with pytest.raises(InvalidError) as found:
            moved(books(known(SUPPLIER, A, replace(BEER, entered_decimals=None))), "1")
        assert told(found.value) == [("/lines/0/unit", "unknown_unit")]

    def test_takes_a_date_a_few_minutes_ahead_and_no_later(self):
        found = books(known(SUPPLIER, A))
        check(a_document("1", effective_at=NOW + TOLERANCE), found)
        later = NOW + TOLERANCE + timedelta(microseconds=1)
        with pytest.raises(EffectiveAtInFutureError):
            check(a_document("1", effective_at=later), found)


class TestReversal:
    def test_takes_back_what_was_given(self):
        found = books(known(SUPPLIER, A), known(A, B), a="5")
        moves = moved(found, "3", "2")
        after = books(a="6", b="2").balances
        undone = reversal(TransactionType.TRANSFER, moves, after)
        assert [(m.line_no, int(m.quantity)) for m in undone] == [(1, 3), (2, 2)]
        for move, back in zip(moves, undone, strict=True):
            assert back.source.account_id == move.target.account_id
            assert back.target.account_id == move.source.account_id
        assert chain(undone, A) == [(11, 8), (12, 5)]
        assert chain(undone, B) == [(11, 0)]

    def test_takes_back_what_was_passed_on_last_first(self):
        moves = moved(books(known(A, B), known(B, C), a="5"), "5", "5")
        undone = reversal(TransactionType.TRANSFER, moves, books(a="0", b="0", c="5").balances)
        assert chain(undone, C) == [(11, 0)]
        assert chain(undone, B) == [(11, 5), (12, 0)]
        assert chain(undone, A) == [(11, 5)]

    def test_is_refused_where_the_goods_are_gone(self):
        moves = moved(books(known(SUPPLIER, A)), "3")
        with pytest.raises(InsufficientStockError) as error:
            reversal(TransactionType.TRANSFER, moves, books(a="2").balances)
        assert error.value.errors[0].more["requested"] == "3"

    def test_is_refused_where_there_is_no_room_to_give_back(self):
        moves = moved(books(known(A, CUSTOMER), a="5"), "5")
        with pytest.raises(QuantityOutOfRangeError):
            reversal(TransactionType.TRANSFER, moves, books(a="99999999999999").balances)


class TestYear:
    @pytest.mark.parametrize(
        ("zone", "instant", "year"),
        [
            ("Asia/Ho_Chi_Minh", datetime(2025, 12, 31, 16, 59, 59, tzinfo=UTC), 2025),
            ("Asia/Ho_Chi_Minh", datetime(2025, 12, 31, 17, tzinfo=UTC), 2026),
            ("America/Los_Angeles", datetime(2026, 1, 1, 7, 59, 59, tzinfo=UTC), 2025),
            ("UTC", datetime(1, 1, 1, tzinfo=UTC), 1),
            ("America/Los_Angeles", datetime(1, 1, 1, tzinfo=UTC), 1),
        ],
    )
    def test_is_that_of_where_the_business_is(self, zone: str, instant: datetime, year: int):
        assert replace(books(), time_zone=zone).year_of(instant) == year
