"""The judge of histories, on histories that are made up: right ones, and each way to be wrong."""

from decimal import Decimal

import pytest

from tests.reliability.history import Move, Reading, violations


def moved(began: float, ended: float, seq: int, change: int, after: int) -> Move:
    return Move(began=began, ended=ended, seq=seq, change=Decimal(change), after=Decimal(after))


def read(began: float, ended: float, on_hand: int, seq: int | None = None) -> Reading:
    return Reading(began=began, ended=ended, on_hand=Decimal(on_hand), seq=seq)


MOVES = [moved(0, 1, 1, 10, 10), moved(2, 5, 3, -4, 5), moved(3, 4, 2, -1, 9)]
"""The second and the third overlap, and the third took effect first."""


class TestRightHistory:
    @pytest.mark.parametrize(
        "reading",
        [
            read(-1, -0.5, 0, 0),
            read(0.5, 0.6, 0, 0),
            read(0.5, 0.6, 10, 1),
            read(1.5, 1.6, 10, 1),
            read(2.5, 4.5, 10, 1),
            read(3.5, 3.6, 5, 3),
            read(2.5, 4.5, 9, 2),
            read(6, 7, 5, 3),
            read(0.5, 0.6, 0),
            read(1.5, 6, 9),
            read(6, 7, 5),
        ],
        ids=str,
    )
    def test_has_no_violation(self, reading: Reading):
        assert violations(MOVES, [reading]) == []

    def test_may_be_empty(self):
        assert violations([], [read(0, 1, 0, 0), read(0, 1, 0)]) == []

    def test_may_show_one_balance_to_many_one_after_the_other(self):
        assert violations(MOVES, [read(n, n + 0.5, 5, 3) for n in range(6, 9)]) == []


class TestWrongHistory:
    @pytest.mark.parametrize(
        "moves",
        [
            [moved(0, 1, 2, 10, 10)],
            [moved(0, 1, 1, 10, 10), moved(2, 3, 1, 5, 15)],
            [moved(0, 1, 1, 10, 10), moved(2, 3, 3, 5, 15)],
        ],
        ids=["begins above 1", "number twice", "number missing"],
    )
    def test_has_numbers_that_are_not_one_after_the_other(self, moves: list[Move]):
        assert "missing, or there twice" in violations(moves, [])[0]

    def test_has_a_balance_that_was_lost(self):
        moves = [moved(0, 1, 1, 10, 10), moved(0, 1, 2, -1, 9), moved(0, 1, 3, -1, 9)]
        [found] = violations(moves, [])
        assert found.startswith("left 9 where 8 was")

    def test_has_a_later_move_with_the_lower_number(self):
        [found] = violations([moved(0, 1, 2, 1, 2), moved(2, 3, 1, 1, 1)], [])
        assert found.startswith("took effect before what had ended")

    @pytest.mark.parametrize(
        "reading",
        [
            read(1.5, 1.6, 0, 0),
            read(6, 7, 9, 2),
            read(6, 7, 10, 1),
        ],
        ids=["of nothing", "of an open window before", "of long ago"],
    )
    def test_has_a_reading_from_a_stale_copy(self, reading: Reading):
        [found] = violations(MOVES, [reading])
        assert found.startswith("took effect before what had ended")

    def test_has_a_reading_of_what_was_still_to_come(self):
        [found] = violations(MOVES, [read(1.5, 1.6, 9, 2)])
        assert found.startswith("took effect before what had ended")

    def test_has_a_reading_that_goes_back_behind_another(self):
        readings = [read(3.1, 3.2, 9, 2), read(3.3, 3.4, 10, 1)]
        [found] = violations(MOVES, readings)
        assert found.startswith("took effect before what had ended")

    @pytest.mark.parametrize(
        "reading",
        [
            read(6, 7, 9),
            read(1.5, 1.6, 0),
            read(1.5, 1.6, 9),
            read(6, 7, 4),
            read(6, 7, 9, 3),
            read(6, 7, 5, 4),
        ],
        ids=str,
    )
    def test_has_a_reading_of_what_was_not_there_then(self, reading: Reading):
        assert any(
            each.startswith("saw what was not there") for each in violations(MOVES, [reading])
        )
