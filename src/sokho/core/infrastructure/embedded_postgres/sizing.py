"""What PostgreSQL is told of the machine, which it does not find out itself.

Its defaults are for the smallest of machines: 128 MiB of shared buffers, and a checkpoint for every
half GiB of log, after each of which every page is logged whole once more.
"""

import os
import shutil
from pathlib import Path
from typing import Final

_MIB: Final = 2**20

_SHARE_OF_MEMORY: Final = 8  # others live on the machine, the service for one
_BUFFERS_MIB: Final = (128, 4_096)
_SHARE_OF_DISK: Final = 20
_LOG_MIB: Final = (1_024, 4_096)

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")


def sized_settings(folder: Path) -> dict[str, str]:
    """Return the settings of a server whose data are in `folder`, by name. Raises `OSError`."""
    memory = min([_machines_memory(), *_memory_limits()])
    disk = shutil.disk_usage(folder).total
    return {
        "shared_buffers": f"{_within(_BUFFERS_MIB, memory // _SHARE_OF_MEMORY)}MB",
        "max_wal_size": f"{_within(_LOG_MIB, disk // _SHARE_OF_DISK)}MB",
    }


def _within(mebibytes: tuple[int, int], size: int) -> int:
    least, most = mebibytes
    return max(least, min(size // _MIB, most))


def _machines_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _memory_limits() -> list[int]:
    """Return what this process and those that it belongs with may use (cgroup v2), in bytes."""
    try:
        name = _OWN_CGROUPS.read_text("utf-8").rpartition("0::/")[2].strip()
    except OSError:  # not Linux
        return []
    own = _CGROUPS / name
    limits = []
    for group in (own, *own.parents):
        try:
            limits.append(int((group / "memory.max").read_text("ascii")))
        except (OSError, ValueError):  # the root has none, and "max" is none
            continue
    return limits
