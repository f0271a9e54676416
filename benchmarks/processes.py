"""What a process and those below it have used, as Linux tells in ``/proc``."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_HERTZ: Final = os.sysconf("SC_CLK_TCK")

# utime, stime, cutime and cstime, counted behind the name (proc_pid_stat(5)).
_TIMES: Final = slice(11, 15)


@dataclass(frozen=True)
class Memory:
    """Memory of one process, in MiB."""

    pss: float
    """Its own, and its share of what it has in common with others."""
    rss: float


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of a process and of all below it, those that ended among them.

    None where the system does not tell.
    """
    used = [ticks for each in family(pid) if (ticks := _ticks(each)) is not None]
    return sum(used) / _HERTZ if used else None


def memory_of_worker(pid: int) -> Memory | None:
    """Return the memory of the busiest process at or below `pid`: the one that serves."""
    worker = max(family(pid), key=lambda each: _ticks(each) or 0)
    try:
        told = (_PROC / str(worker) / "smaps_rollup").read_text()
    except OSError:
        return None
    kib = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB$", told, re.MULTILINE)}
    return Memory(kib["Pss"] / 1024, kib["Rss"] / 1024)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all below it that live just now."""
    yield pid
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from family(int(child))


def _ticks(pid: int) -> int | None:
    """Return the CPU time of a process and of its children that ended, in ticks."""
    try:
        # Behind the name, which may hold blanks and brackets.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(int(field) for field in fields[_TIMES])
