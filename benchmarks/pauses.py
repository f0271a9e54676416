"""How often the machine itself is away: ``python -m benchmarks.pauses``.

A loop on each core reads the clock and does nothing else. Where it misses more than a millisecond,
something else had the core: the system's own tasks, or the host of a virtual machine. What a server
is asked meanwhile waits, which a figure of the slowest hundredth tells of where pauses are many.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

_LEAST_SECONDS: Final = 0.001


@dataclass(frozen=True)
class Pauses:
    """The times of more than a millisecond that a core was away, on all cores together."""

    seconds: float
    """How long was looked."""
    lengths: list[float]
    """Of each pause, in seconds."""

    @property
    def sentence(self) -> str:
        """In words, for a report."""
        if not self.lengths:
            return "Before anything was started, no core was away for a millisecond."
        return (
            f"Before anything was started, a core was away for more than a millisecond "
            f"{len(self.lengths) / self.seconds:.1f} times a second, for {_shown(self.lengths)}."
        )


def _shown(lengths: list[float]) -> str:
    shortest, longest = min(lengths) * 1000, max(lengths) * 1000
    return f"{shortest:.1f} to {longest:.1f} ms"


def pauses(seconds: float = 5) -> Pauses:
    """Look for pauses on every core at once, for so many `seconds`."""
    cores: list[int | None] = [None] * (os.cpu_count() or 1)
    if sys.platform == "linux":
        cores = [*os.sched_getaffinity(0)]
    with ProcessPoolExecutor(len(cores)) as pool:
        found = pool.map(partial(_watch, seconds=seconds), cores)
    return Pauses(seconds, [length for each in found for length in each])


def _watch(core: int | None, seconds: float) -> list[float]:
    if sys.platform == "linux" and core is not None:
        os.sched_setaffinity(0, [core])
    found = []
    last = time.perf_counter()
    end = last + seconds
    while last < end:
        now = time.perf_counter()
        if now - last > _LEAST_SECONDS:
            found.append(now - last)
        last = now
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    print(pauses(parser.parse_args().seconds).sentence)
