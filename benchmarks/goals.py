"""What was to be reached, and whether it was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import bulk, pgbench, row_security
from benchmarks.operations import CREATE, GET, LIST, MOVE
from benchmarks.rounds import Results, Spread, rate, ratios
from benchmarks.servers import DJANGO, NAIVE, SOKHO, TEMPLATE
from benchmarks.throughput import PACED

_TIMES, _PERCENT, _PLAIN = "×", "%", ""

# Of pgbench both are compared: with what Sokho writes, and with the plain rows alone.
_WRITING: Final = dict.fromkeys((pgbench.SAME_ROWS, pgbench.TRIPS), (42.0, 60.0))
_POSTING: Final = dict.fromkeys((pgbench.SAME_ROWS, pgbench.TRIPS), (60.0, 80.0))

# Floor and goal of Sokho's throughput, by operation and by what it is compared with.
_THROUGHPUT: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    GET: {NAIVE: (6.5, 11), TEMPLATE: (12, 20), DJANGO: (6, 10), pgbench.TRIPS: (28, 45)},
    LIST: {NAIVE: (5.5, 7), TEMPLATE: (12, 15), DJANGO: (9, 12), pgbench.TRIPS: (22, 30)},
    CREATE: {NAIVE: (6.5, 9), TEMPLATE: (13, 18), DJANGO: (5, 7), **_WRITING},
    MOVE: {NAIVE: (6.5, 8), **_POSTING},
}


@dataclass(frozen=True)
class Goal:
    """A figure with its floor and its goal."""

    label: str
    floor: float
    goal: float
    reached: Spread
    unit: str = _TIMES
    at_most: bool = False
    """Whether less is better."""

    @property
    def verdict(self) -> str:
        """In words, by the middle of the rounds."""
        if self.is_reached:
            return "goal reached"
        return "floor reached, goal not" if self._meets(self.floor) else "**floor not reached**"

    @property
    def is_reached(self) -> bool:
        """Whether there is nothing left to do."""
        return self._meets(self.goal)

    @property
    def row(self) -> str:
        """As a row of `table`."""
        return f"| {' | '.join([self.label, *self._bounds, self._reached, self.verdict])} |"

    @property
    def sentence(self) -> str:
        """What is missing."""
        floor, goal = self._bounds
        return f"{self.label}: {self._reached}; the floor is {floor}, the goal {goal}."

    @property
    def _bounds(self) -> list[str]:
        return [f"{bound:g}{self.unit}" for bound in (self.floor, self.goal)]

    @property
    def _reached(self) -> str:
        return self.reached.shown(".0f" if self.unit == _PERCENT else ".1f") + self.unit

    def _meets(self, bound: float) -> bool:
        return self.reached.middle <= bound if self.at_most else self.reached.middle >= bound


def goals(
    throughput: Results, at_half: Results, sealing: Results, loading: Results
) -> Iterator[Goal]:
    """Yield every goal that this run has measured."""
    for operation, compared in _THROUGHPUT.items():
        for peer, (floor, goal) in compared.items():
            found = ratios(throughput[operation, SOKHO], throughput[operation, peer], rate)
            unit = _TIMES
            if peer in pgbench.NAMES:
                found, unit = [ratio * 100 for ratio in found], _PERCENT
            yield Goal(f"{operation}: throughput vs {peer}", floor, goal, Spread.of(found), unit)
    for operation in PACED:
        measured = at_half[operation, SOKHO]
        tail = [
            one.p99_milliseconds / one.p50_milliseconds
            for one in measured
            if one.p99_milliseconds and one.p50_milliseconds
        ]
        label = f"{operation}: p99 ÷ p50 at half the maximum rate"
        yield Goal(label, 3, 2.5, Spread.of(tail), _PLAIN, at_most=True)
    for operation in row_security.OPERATIONS:
        label = f"{operation}: row-level security, more latency"
        more = more_latency(sealing, operation)
        yield Goal(label, 8, 5, more, _PERCENT, at_most=True)
    share = ratios(loading[bulk.OPERATION, bulk.BATCHES], loading[bulk.OPERATION, bulk.COPY], rate)
    label = "20 000 items in batches of 1 000 vs COPY and INSERT … SELECT"
    yield Goal(label, 40, 60, Spread.of([one * 100 for one in share]), _PERCENT)


def more_latency(sealing: Results, operation: str) -> Spread:
    """Return what the seal adds to the mean latency, in percent.

    With so many connections always waiting, the mean latency is their number by the throughput.
    """
    open_, sealed = (
        sealing[operation, name] for name in (row_security.UNSEALED, row_security.SEALED)
    )
    return Spread.of([(ratio - 1) * 100 for ratio in ratios(open_, sealed, rate)])


def table(found: list[Goal]) -> str:
    """Return a Markdown table of goals."""
    head = ["| figure | floor | goal | reached (spread) | |", "|---|--:|--:|--:|---|"]
    return "\n".join([*head, *(goal.row for goal in found)])
