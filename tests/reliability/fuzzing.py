"""Schemathesis with all its checks on every operation: the long form of tests/contract's."""

import asyncio
import sys
from typing import Final

from tests.contract.fuzzing import SERVE, fuzz
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site

NOTHING_FOUND: Final = "Schemathesis finds nothing to complain about"
EVERYTHING_TRIED: Final = "it tries every operation"


async def fuzzing(
    site: Site, *, seed: int, examples: int, fault: str | None = None, operation: str = ""
) -> Outcome:
    """Run it with `examples` an operation: on all, or on the one in which a `fault` is planted."""
    planted = (sys.executable, "-m", "tests.contract.faulty", str(fault), "serve")
    only = ("--include-operation-id", operation) if operation else ()
    found = await asyncio.to_thread(
        fuzz,
        site.urls,
        *only,
        seed=seed,
        examples=examples,
        command=SERVE if fault is None else planted,
    )
    names = ("schemathesis", "operations", "tested", "accepted", "cases", "failures", "errors")
    return Outcome(
        figures={name: found[name] for name in names},
        promises={
            NOTHING_FOUND: found["complete"] and not found["findings"],
            EVERYTHING_TRIED: bool(operation) or found["tested"] == found["operations"],
        },
    )
