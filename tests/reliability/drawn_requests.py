"""S: requests drawn from the OpenAPI document by Schemathesis, right ones and wrong ones."""

import asyncio
import sys
from typing import Final

from tests.contract.fuzzing import SERVE, fuzz
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site

NOTHING_FOUND: Final = "every answer is as the document says, by every check"
ALL_TRIED: Final = "every operation is tried, in every phase"


async def drawn_requests(
    site: Site, *, examples: int, seed: int, fault: str | None = None
) -> Outcome:
    """Draw `examples` requests for each operation and phase; `fault` is one of contract/faulty."""
    planted = (sys.executable, "-m", "tests.contract.faulty", fault or "", "serve")
    figures = await asyncio.to_thread(
        fuzz, site.urls, seed=seed, examples=examples, command=planted if fault else SERVE
    )
    return Outcome(
        figures={
            "schemathesis": figures["schemathesis"],
            "examples": examples,
            "operations": figures["operations"],
            "tested": figures["tested"],
            "answered_with_success": figures["accepted"],
            "requests": figures["cases"],
            "failures": figures["failures"],
            "errors": figures["errors"],
        },
        promises={
            NOTHING_FOUND: figures["complete"] and not figures["findings"],
            ALL_TRIED: figures["tested"] == figures["operations"] and len(figures["phases"]) == 4,
        },
    )
