"""PostgreSQL's sessions take turns with the service instead of interrupting it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal


@contextmanager
def in_turns() -> Iterator[None]:
    """Let nothing that this thread starts meanwhile interrupt others as it wakes.

    A worker and PostgreSQL's sessions wake each other several times a request, and by
    default Linux lets whoever wakes interrupt whoever runs, mostly. Under `SCHED_BATCH`
    (sched(7)) it waits until that one sleeps or has had its share. It needs no privilege.
    Another policy, which the operator may have chosen, is left alone, as are other systems than
    Linux, and those that forbid the calls: there they interrupt each other, and work.
    """
    interrupts = _interrupts()
    try:
        if interrupts:
            _follow("SCHED_BATCH")
        yield
    finally:
        if interrupts:
            _follow("SCHED_OTHER")


def _interrupts() -> bool:
    if sys.platform == "linux":
        with suppress(OSError):
            return os.sched_getscheduler(0) == os.SCHED_OTHER
    return False


def _follow(policy: Literal["SCHED_BATCH", "SCHED_OTHER"]) -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))
