"""Whether what clients saw of one place's stock can have happened in the order of its numbers.

Each move tells its number there. So the order in which everything took effect need not be looked
for, as it is where a history is judged from values alone (Herlihy and Wing, "Linearizability",
1990): it is given, and only has to agree with what was before what.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate


@dataclass(frozen=True, kw_only=True)
class _Operation:
    began: float
    """When it was sent, by a clock that all clients share; in seconds."""

    ended: float
    """When its answer was there."""


@dataclass(frozen=True, kw_only=True)
class Move(_Operation):
    """A change of what is there, and the number and balance that the answer told."""

    seq: int
    change: Decimal
    after: Decimal


@dataclass(frozen=True, kw_only=True)
class Reading(_Operation):
    """What somebody saw, and of which number; None where that was not told."""

    on_hand: Decimal
    seq: int | None = None


def violations(moves: Sequence[Move], readings: Sequence[Reading]) -> list[str]:
    """Return what cannot be, in words; nothing where numbers, times and balances agree."""
    ordered = sorted(moves, key=lambda move: move.seq)
    balances = [Decimal(0), *accumulate(move.change for move in ordered)]
    found = [*_in_moves(ordered, balances)]
    # Positions in the order of effect: the move of number n at 2n, who saw it at 2n + 1.
    placed: list[tuple[_Operation, int]] = [(move, 2 * move.seq) for move in moves]
    placed += ((each, 2 * each.seq + 1) for each in readings if each.seq is not None)
    window = _Window(placed)
    for operation, position in placed:
        if window.first(operation) > position:
            found.append(f"took effect before what had ended when it began: {operation}")
    for reading in readings:
        if reading.seq is not None:
            is_there = reading.seq < len(balances) and balances[reading.seq] == reading.on_hand
        else:
            first, last = window.first(reading) // 2, window.last(reading) // 2
            is_there = reading.on_hand in balances[first : last + 1]
        if not is_there:
            found.append(f"saw what was not there: {reading}")
    return found


def _in_moves(ordered: Sequence[Move], balances: Sequence[Decimal]) -> Iterator[str]:
    for number, move in enumerate(ordered, start=1):
        if move.seq != number:
            yield f"number {number} is missing, or there twice: {move}"
            return  # what follows would only be told again
        if move.after != balances[number]:
            yield f"left {move.after} where {balances[number]} was: {move}"


class _Window:
    """Between which positions an operation must lie, by what ended before and began after it."""

    def __init__(self, placed: Sequence[tuple[_Operation, int]]) -> None:
        by_end = sorted((operation.ended, position) for operation, position in placed)
        self._ends = [ended for ended, _ in by_end]
        self._latest = [*accumulate((position for _, position in by_end), max, initial=0)]
        by_start = sorted((operation.began, position) for operation, position in placed)
        self._starts = [began for began, _ in by_start]
        last = max((position for _, position in placed), default=0) + 1
        earliest = accumulate((position for _, position in reversed(by_start)), min, initial=last)
        self._earliest = [*earliest][::-1]

    def first(self, operation: _Operation) -> int:
        """Return the last position that had ended before the operation began."""
        return self._latest[bisect_left(self._ends, operation.began)]

    def last(self, operation: _Operation) -> int:
        """Return a position that is before all that began after the operation had ended."""
        return self._earliest[bisect_right(self._starts, operation.ended)] - 1
