"""R3: PostgreSQL is killed (SIGKILL) in the middle of writes, again and again."""

import asyncio
import os
import signal
import time
from random import Random
from typing import Final

from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres
from tests.integration.test_serving import Service
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Business, Site, client
from tests.reliability.told import BATCH_ROWS
from tests.reliability.waiting import until
from tests.reliability.writers import Writers

ALL_THERE: Final = "every acknowledged write is there"
ALL_OR_NOTHING: Final = "every other is there as a whole, with its event, or not at all"
NO_OTHER_ANSWER: Final = "nobody is answered but with success or 503"

# Commits that are acknowledged before they are on the disk, and are not brought there soon:
# else it would be left to chance whether a kill meets one.
_NOT_DURABLE: Final = (
    "ALTER ROLE sokho_app SET synchronous_commit = off",
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "SELECT pg_reload_conf()",
)


async def database_kills(
    site: Site, *, kills: int, clients: int, seed: int, durable: bool = True
) -> Outcome:
    """Kill the postmaster `kills` times under `clients` that write; then compare what is stored.

    Without `durable`, PostgreSQL acknowledges what it has not written yet.
    """
    business = await site.business()
    if not durable:
        await site.execute(*_NOT_DURABLE)
    writers = Writers()
    slowest = 0.0
    async with site.serving(workers=2) as service, client(service, business) as http:
        writing = writers.start(http, clients)
        chance = Random(seed)
        for _ in range(kills):
            await writers.go_on()
            await asyncio.sleep(chance.uniform(0, 0.3))
            began = time.monotonic()
            killed = _postmaster(site)
            os.kill(killed, signal.SIGKILL)
            await _until_back(site, service, business, killed)
            slowest = max(slowest, time.monotonic() - began)
        await writers.stop(writing)
    found = await writers.told.compare(site, business.tenant_id)
    return Outcome(
        figures={
            "kills": kills,
            "acknowledged": writers.acknowledged,
            "unanswered_or_503": writers.refused,
            "other_answers": writers.unexpected,
            "lost": found.lost,
            "half_batches": found.half_batches,
            "changes_without_event": found.without_event,
            "events_without_change": found.without_change,
            "rows_of_a_batch": BATCH_ROWS,
            "slowest_return_s": round(slowest, 2),
        },
        promises={
            ALL_THERE: found.lost == 0,
            ALL_OR_NOTHING: found.half_batches + found.without_event + found.without_change == 0,
            NO_OTHER_ANSWER: writers.unexpected == 0,
        },
    )


def _postmaster(site: Site) -> int:
    pid = EmbeddedPostgres(site.folder).status().pid
    assert pid is not None
    return pid


async def _until_back(site: Site, service: Service, business: Business, killed: int) -> None:
    """Wait until the service has a database again: the service itself has to see to that."""
    async with client(service, business) as http:

        async def serves() -> bool:
            if EmbeddedPostgres(site.folder).status().pid in {killed, None}:
                return False
            return (await http.get("/v1/items?limit=1")).status_code == 200

        await until(serves)
