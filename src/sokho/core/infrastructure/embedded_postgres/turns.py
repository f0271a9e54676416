"""PostgreSQL's sessions take turns with the service instead of interrupting it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def in_turns() -> Iterator[None]:
    """Let nothing that this thread starts meanwhile interrupt others as it wakes.

    A worker and PostgreSQL's sessions wake each other several times a request, and by
    default Linux lets whoever wakes interrupt whoever runs. Under `SCHED_BATCH` it waits until
    that one sleeps or has had its share (sched(7): for what suffers from "extra preemptions
    between the workload's tasks"). It needs no privilege. Another policy, which the operator
    may have chosen, is left alone, as are other systems than Linux.
    """
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    _follow(os.SCHED_BATCH)
    try:
        yield
    finally:
        _follow(os.SCHED_OTHER)


def _follow(policy: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid the call: then they interrupt, and work
            os.sched_setscheduler(0, policy, os.sched_param(0))
