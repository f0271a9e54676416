"""R2: random operations of two businesses over HTTP, each compared with a model in Python."""

import asyncio
import json
from typing import Final

import httpx2
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import SECRET
from tests.integration.command_line import Cli
from tests.reliability.judging import DivergenceError, Tally
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import TIMEOUT_SECONDS, Site
from tests.reliability.state_machine import Businesses

NO_DIVERGENCE: Final = "every answer is the one that the model gives"
PROVEN: Final = "`sokho check ledger` finds nothing"


async def model_run(
    site: Site,
    *,
    examples: int,
    steps: int = 50,
    random_seed: int | None = None,
    alteration: str | None = None,
) -> Outcome:
    """Make up `examples` histories of `steps` operations; always the same without a seed."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    divergence: str | None = None
    async with site.serving(alteration=alteration) as service:

        class Made(Businesses):
            @staticmethod
            def open() -> httpx2.Client:
                business = asyncio.run_coroutine_threadsafe(site.business(), loop).result()
                return httpx2.Client(
                    base_url=service.http.base_url,
                    headers=business.headers,
                    timeout=TIMEOUT_SECONDS,
                )

        Made.tally = tally
        made = Made if random_seed is None else seed(random_seed)(Made)
        try:
            await asyncio.to_thread(
                run_state_machine_as_test,
                made,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    derandomize=random_seed is None,
                    database=None,
                    deadline=None,
                    report_multiple_bugs=False,
                    phases=[Phase.generate],  # to shrink a history takes minutes
                    suppress_health_check=[*HealthCheck],
                ),
            )
        except DivergenceError as error:
            # What it takes to get there is for those who have to find a fault.
            steps_there = [] if alteration else getattr(error, "__notes__", [])
            divergence = "\n".join([str(error)[:300], *steps_there])
        environment = {"SOKHO_DATA_DIR": str(site.folder), **site.environment}
        check = Cli(SOKHO_SECRET=SECRET, **environment)("check", "ledger", "--json")
    verified = json.loads(check.stdout)
    return Outcome(
        figures={
            "histories": examples,
            "steps": tally.steps,
            "documents": tally.posted,
            "reservations": tally.reserved,
            "stocktakes": tally.counted,
            "refusals": tally.refused,
            "comparisons": tally.compared,
            "moves_proven": sum(each["moves"] for each in verified),
            "findings": sum(len(each["findings"]) for each in verified),
            **({} if divergence is None else {"divergence": divergence}),
        },
        promises={NO_DIVERGENCE: divergence is None, PROVEN: check.returncode == 0},
    )
