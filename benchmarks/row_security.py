"""What row-level security costs: the service on a sealed database, and on one without the seal."""

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Final

import asyncpg

from benchmarks.dataset import Dataset
from benchmarks.load import Measurement, measure
from benchmarks.operations import CONNECTIONS, CREATE, GET, LIST, MOVE, write_requests
from benchmarks.rounds import Results, take_turns
from benchmarks.servers import running, sokho
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

SEALED: Final = "sealed"
UNSEALED: Final = "without row-level security"
OPERATIONS: Final = (GET, LIST, CREATE, MOVE)

_SEALED_TABLES: Final = "SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity"


def compare(
    dataset: Dataset,
    copies: dict[str, DatabaseUrls],
    wrk: str,
    *,
    rounds: int,
    seconds: float,
) -> Results:
    """Measure the operations on two copies of the database, `SEALED` and `UNSEALED`.

    Both are served by the same program, which binds the tenant and names it in each statement;
    the policies are switched off behind its back, since it would not start without them.
    """
    results: dict[tuple[str, str], list[Measurement]] = {}
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(sokho(name, dataset, urls=urls), dataset.folder))
            for name, urls in copies.items()
        ]
        asyncio.run(_unseal(copies))
        for operation in OPERATIONS:
            contestants = {}
            for server in servers:
                turn = partial(
                    measure,
                    server,
                    wrk,
                    write_requests(operation, server.contender, dataset),
                    connections=CONNECTIONS[operation],
                    postmaster=dataset.postmaster,
                )
                turn(seconds=1)  # warms up
                contestants[server.contender.name] = partial(turn, seconds=seconds)
            results |= take_turns(dataset, operation, contestants, rounds)
    return results


async def _unseal(copies: dict[str, DatabaseUrls]) -> None:
    for name, urls in copies.items():
        admin = await asyncpg.connect(urls.admin)
        try:
            tables = [row[0] for row in await admin.fetch(_SEALED_TABLES)]
            assert tables, name
            if name == UNSEALED:
                for table in tables:
                    await admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        finally:
            await admin.close()
