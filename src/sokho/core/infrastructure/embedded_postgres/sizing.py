"""What PostgreSQL is told of the machine, which it does not find out itself.

Its defaults are for the smallest of machines: 128 MiB of shared buffers, and a checkpoint for every
half GiB of log, after each of which every page is logged whole once more. Of the log's files they
keep 80 MiB to be written over: where that does not do, whoever writes next makes a file of 16 MiB
and waits for the disk, and so do all others.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MIB: Final = 2**20

_SHARE_OF_MEMORY: Final = 8  # others live on the machine, the service for one
_BUFFERS_MIB: Final = (128, 4_096)
_SHARE_OF_DISK: Final = 20
_LOG_MIB: Final = (1_024, 4_096)
_SHARE_OF_LOG_KEPT: Final = 4

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")


def sized_settings(folder: Path) -> dict[str, str]:
    """Return the settings of a server whose data are in `folder`, by name. Raises `OSError`."""
    memory = min([_machines_memory(), *_memory_limits()])
    disk = shutil.disk_usage(folder).total
    log = _within(_LOG_MIB, disk // _SHARE_OF_DISK)
    return {
        "shared_buffers": f"{_within(_BUFFERS_MIB, memory // _SHARE_OF_MEMORY)}MB",
        "max_wal_size": f"{log}MB",
        "min_wal_size": f"{log // _SHARE_OF_LOG_KEPT}MB",
    }


def _within(mebibytes: tuple[int, int], size: int) -> int:
    least, most = mebibytes
    return max(least, min(size // _MIB, most))


def _machines_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _memory_limits() -> list[int]:
    """Return what this process and those that it belongs with may use, in bytes (cgroups(7))."""
    try:
        groups = os.fsdecode(_OWN_CGROUPS.read_bytes()).split("\n")
    except OSError:  # not Linux
        return []
    limits: list[int] = []
    for group in groups:
        _, _, rest = group.partition(":")
        controllers, is_complete, name = rest.partition(":")
        if not is_complete:
            continue
        if not controllers:
            limits += _limits(_CGROUPS / name.lstrip("/"), "memory.max")
        elif "memory" in controllers.split(","):  # version 1, each controller in a folder
            limits += _limits(_CGROUPS / "memory" / name.lstrip("/"), "memory.limit_in_bytes")
    return limits


def _limits(own: Path, file: str) -> Iterator[int]:
    for group in (own, *own.parents):
        try:
            yield int((group / file).read_text("utf-8"))
        except (OSError, ValueError):  # the root has none, and "max" is none
            continue
