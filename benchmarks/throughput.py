"""Every operation on every contender: as fast as they can, and then at fixed rates."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import pgbench
from benchmarks.dataset import Dataset, settle
from benchmarks.load import Measurement, measure
from benchmarks.operations import (
    BATCH,
    CONNECTIONS,
    CREATE,
    GET,
    LIST,
    MOVE,
    PATCH,
    STOCK,
    write_requests,
)
from benchmarks.rounds import Results, Turn, rate, take_turns
from benchmarks.servers import (
    DJANGO,
    NAIVE,
    RAW,
    SOKHO,
    SOKHO_LOGGING,
    TEMPLATE,
    Contender,
    Running,
    on_gunicorn,
    on_uvicorn,
    sokho,
)

SHARES: Final = (0.5, 0.8)
"""Fixed rates, as shares of the most that the same contender has reached before."""

PACED: Final = (GET, LIST, CREATE, MOVE)
"""The operations at fixed rates; and those that are also measured with the request log on."""

_MOST_PACED_ROUNDS: Final = 3
_WARM_UP_SECONDS: Final = 1
_PACED_TURN: Final = 3
"""So many times as long as the others: by default, longer than a verified key is remembered."""


def contenders(dataset: Dataset) -> list[Contender]:
    """Return the servers to compare."""
    template = {"paging": "skip", "credentials_by": "jwt", "lacks": STOCK | {BATCH}}
    others = frozenset(CONNECTIONS) - {*PACED}
    return [
        on_uvicorn(NAIVE, "naive", dataset),
        on_gunicorn(DJANGO, "django_rest", dataset, paging="next", lacks=STOCK),
        on_uvicorn(TEMPLATE, "template", dataset, **template),
        on_uvicorn(RAW, "raw", dataset),
        sokho(SOKHO, dataset),
        sokho(SOKHO_LOGGING, dataset, log_level="info", lacks=others),
    ]


def compare(
    dataset: Dataset, servers: Sequence[Running], wrk: str, *, rounds: int, seconds: float
) -> Results:
    """Measure each operation on pgbench and on each server that has it."""
    results: dict[tuple[str, str], list[Measurement]] = {}
    for operation in CONNECTIONS:
        contestants: dict[str, Turn] = {}
        for name in pgbench.contestants(operation):
            run = partial(pgbench.run, name, operation, dataset, seconds=seconds)
            contestants[name] = run
        for server in _having(operation, servers):
            turn = _Turn(dataset, server, wrk, operation)
            asyncio.run(settle(dataset))
            turn(_WARM_UP_SECONDS)
            contestants[server.contender.name] = partial(turn, seconds)
        results |= take_turns(dataset, operation, contestants, rounds)
    return results


def compare_at_fixed_rates(
    dataset: Dataset,
    servers: Sequence[Running],
    wrk: str,
    most: Results,
    *,
    rounds: int,
    seconds: float,
) -> Mapping[float, Results]:
    """Measure the paced operations on each server, by the share of its own `most`."""
    results: dict[float, dict[tuple[str, str], list[Measurement]]] = {each: {} for each in SHARES}
    for operation in PACED:
        for share in SHARES:
            contestants: dict[str, Turn] = {}
            for server in _having(operation, servers):
                name = server.contender.name
                if name != SOKHO_LOGGING:
                    wanted = share * median(map(rate, most[operation, name]))
                    turn = _Turn(dataset, server, wrk, operation)
                    contestants[name] = partial(_warm, turn, seconds * _PACED_TURN, wanted)
            results[share] |= take_turns(
                dataset, operation, contestants, min(rounds, _MOST_PACED_ROUNDS)
            )
    return results


def _warm(turn: "_Turn", seconds: float, wanted: float) -> Measurement:
    """Measure a rate once it has stood a while: others had their turns, and memories ended."""
    turn(_WARM_UP_SECONDS, wanted)
    return turn(seconds, wanted)


def _having(operation: str, servers: Sequence[Running]) -> list[Running]:
    return [server for server in servers if operation not in server.contender.lacks]


class _Turn:
    """An operation on a server."""

    def __init__(self, dataset: Dataset, server: Running, wrk: str, operation: str) -> None:
        self._dataset = dataset
        self._server = server
        self._wrk = wrk
        self._operation = operation
        self._file = self._requests()

    def __call__(self, seconds: float, wanted: float | None = None) -> Measurement:
        if self._operation == PATCH:  # by now the items have other versions
            self._file = self._requests()
        return measure(
            self._server,
            self._wrk,
            self._file,
            seconds=seconds * (2 if self._operation == BATCH else 1),
            connections=CONNECTIONS[self._operation],
            rate=wanted,
            postmaster=self._dataset.postmaster,
        )

    def _requests(self) -> Path:
        return write_requests(self._operation, self._server.contender, self._dataset)
