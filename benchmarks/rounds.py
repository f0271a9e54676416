"""Contestants that take turns, so that what else the machine does falls on all of them alike."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import nan
from statistics import median
from typing import NamedTuple

from benchmarks.dataset import Dataset, settle
from benchmarks.load import Measurement

Turn = Callable[[], Measurement]

Results = Mapping[tuple[str, str], Sequence[Measurement]]
"""By operation and contestant, in the order of the rounds."""

Value = Callable[[Measurement], float]


class Spread(NamedTuple):
    """What the rounds gave: the one in the middle, and between which."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one value or more."""
        return cls(median(values), min(values), max(values))

    def shown(self, form: str = ".1f") -> str:
        """Return the middle, and the spread in brackets."""
        return f"{self.middle:{form}} ({self.low:{form}}–{self.high:{form}})"


def take_turns(
    dataset: Dataset, operation: str, contestants: Mapping[str, Turn], rounds: int
) -> dict[tuple[str, str], list[Measurement]]:
    """Let each contestant have a turn in each round: in turn forwards and backwards.

    So none always follows the same one, and each begins when the last one's work is done.
    Warming up is the contestants' own business.
    """
    results: dict[tuple[str, str], list[Measurement]] = {
        (operation, name): [] for name in contestants
    }
    for number in range(1, rounds + 1):
        for name in list(contestants)[:: 1 if number % 2 else -1]:
            asyncio.run(settle(dataset))
            measured = contestants[name]()
            results[operation, name].append(measured)
            rate = f"{measured.requests_per_second:.0f}/s"
            print(f"{operation}, {number}/{rounds}, {name}: {rate}", flush=True)
    return results


def ratios(above: Sequence[Measurement], below: Sequence[Measurement], value: Value) -> list[float]:
    """Return the ratio of each round: what slows a whole round down does not count."""
    return [value(one) / value(other) for one, other in zip(above, below, strict=True)]


def rate(measured: Measurement) -> float:
    """Return the requests a second."""
    return measured.requests_per_second


def per_cpu_second(measured: Measurement) -> float:
    """Return the requests that a second of CPU time answers, PostgreSQL's share in it.

    Not a number where the system does not tell.
    """
    server, database = measured.cpu_microseconds, measured.database_microseconds
    return 1e6 / (server + database) if server and database else nan
