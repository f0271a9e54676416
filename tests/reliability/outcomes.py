"""What a run saw: figures, and which promises held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

Figures: TypeAlias = Mapping[str, float | str]


@dataclass(frozen=True)
class Outcome:
    """The figures of one run, and each promise with whether it held."""

    figures: Figures
    promises: Mapping[str, bool]

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold."""
        return [promise for promise, held in self.promises.items() if not held]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of all do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]
