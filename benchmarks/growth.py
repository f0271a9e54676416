"""What a request costs while the data grow: ``python -m benchmarks.growth`` (``make growth``).

The service is called in this process, one request at a time, on databases of its own. Sizes take
turns in rounds of a few requests, so that what else the machine does falls on all alike. Requests
are of a few items from all over, which are in memory by then: what is not would measure the disk.
The cost is CPU time: of the process that serves, and of the PostgreSQL backend that answers it.
Where it is not flat, a table of ratios to the smallest size shows it, and the exit status is 1.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from benchmarks.calling import answer_of
from benchmarks.dataset import SECRET, Tenant
from benchmarks.growth_data import RARE, Grown, Sizes, grown
from sokho.app import create_app
from sokho.core.infrastructure.settings import Settings

FLAT: Final = 1.2
"""The most that a request may cost of what it costs at the smallest size."""

PAGE: Final = 50
_ITEMS: Final = 20
_WARM_UP: Final = 2 * _ITEMS  # the driver prepares, and PostgreSQL settles on a plan after five

Call = Callable[[], Awaitable[None]]


class Service:
    """The application on one database, through a single connection."""

    def __init__(self, database_url: str) -> None:
        settings = {
            "database_url": database_url,
            "secret": SECRET,
            "pool_size": 1,
            "log_level": "warning",
            "requests_per_minute": 1_000_000_000,
        }
        self._app = create_app(Settings.model_validate(settings))
        self._url = database_url
        self._backend: Path | None = None
        self._keys = count()

    async def ask(
        self, tenant: Tenant, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[dict[str, str], bytes]:
        """Send a request, and return the headers and the body of its answer.

        Raises `RuntimeError` unless it succeeds.
        """
        sent = {"authorization": f"Bearer {tenant.api_key}", **headers}
        if body is not None:
            patch = method == "PATCH"
            sent["content-type"] = f"application/{'merge-patch+' if patch else ''}json"
        content = b"" if body is None else json.dumps(body).encode()
        lines = [(name.encode(), value.encode()) for name, value in sent.items()]
        answer = await answer_of(self._app, method, path, lines, content)
        told = {name.decode(): value.decode() for name, value in answer.headers.items()}
        return told, answer.body

    def new_key(self) -> str:
        """Return an Idempotency-Key that was not used before."""
        return f"growth-{next(self._keys)}"

    async def prepare(self) -> None:
        """Find the backend, which the first request has made."""
        connection = await asyncpg.connect(self._url)
        try:
            [pid] = [
                row["pid"]
                for row in await connection.fetch(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'sokho'"
                )
            ]
        finally:
            await connection.close()
        self._backend = Path(f"/proc/{pid}/schedstat")

    def backend_seconds(self) -> float:
        """Return the CPU time that PostgreSQL's backend has taken so far."""
        assert self._backend is not None
        return int(self._backend.read_text().split()[0]) / 1e9

    async def close(self) -> None:
        await self._app.state.database.close()


@dataclass
class Series:
    """One operation at several sizes of one thing."""

    axis: str
    operation: str
    service: Mapping[int, Service]
    calls: Mapping[int, Call]
    worker: dict[int, list[float]] = field(default_factory=dict)
    backend: dict[int, list[float]] = field(default_factory=dict)
    latency: dict[int, list[float]] = field(default_factory=dict)

    async def round(self, calls: int) -> None:
        """Call each size some times, and note what that took."""
        for size, call in self.calls.items():
            backend = self.service[size].backend_seconds()
            worker, latencies = time.process_time(), []
            for _ in range(calls):
                began = time.perf_counter()
                await call()
                latencies.append(time.perf_counter() - began)
            worker = time.process_time() - worker
            backend = self.service[size].backend_seconds() - backend
            self.worker.setdefault(size, []).append(worker / calls)
            self.backend.setdefault(size, []).append(backend / calls)
            self.latency.setdefault(size, []).append(statistics.median(latencies))

    def cost(self, size: int) -> float:
        """Return the CPU of both processes for a request, in seconds: the median of the rounds."""
        return statistics.median(self._costs(size))

    def ratio(self, size: int) -> float:
        """Return the cost to that at the smallest size: the median of the rounds' own ratios.

        What disturbs a round disturbs both.
        """
        rounds = zip(self._costs(size), self._costs(min(self.calls)), strict=True)
        return statistics.median(cost / least for cost, least in rounds)

    def _costs(self, size: int) -> list[float]:
        return list(map(sum, zip(self.worker[size], self.backend[size], strict=True)))


async def _pages(service: Service, tenant: Tenant, path: str, numbers: list[int]) -> dict[int, str]:
    """Return the addresses of some pages of a list, found by following it."""
    found = {}
    for number in range(1, max(numbers) + 1):
        if number in numbers:
            found[number] = path
        headers, _ = await service.ask(tenant, "GET", path)
        link = headers.get("link")
        if link is None:
            break
        path = link.partition("<")[2].partition(">")[0]
    return found


def _get(service: Service, tenant: Tenant, *paths: str) -> Call:
    turns = cycle(paths)

    async def call() -> None:
        await service.ask(tenant, "GET", next(turns))

    return call


def _create(service: Service, tenant: Tenant) -> Call:
    numbers = count()

    async def call() -> None:
        body = {"sku": f"NEW-{next(numbers)}", "name": "Bu lông", "tags": ["mới"]}
        await service.ask(tenant, "POST", "/v1/items", body)

    return call


def _patch(service: Service, tenant: Tenant, item_ids: Sequence[UUID]) -> Call:
    numbers = count()

    async def call() -> None:
        number = next(numbers)
        path = f"/v1/items/{item_ids[number % len(item_ids)]}"
        body = {"name": f"Bu lông {number}"}
        await service.ask(tenant, "PATCH", path, body, **{"if-match": "*"})

    return call


def _issue(service: Service, tenant: Tenant, item_ids: Sequence[UUID]) -> Call:
    turns = cycle(item_ids)

    async def call() -> None:
        item_id = str(next(turns))
        line = {"item_id": item_id, "quantity": "1", "from_location_id": str(tenant.location_id)}
        body = {"type": "issue", "lines": [line]}
        headers = {"idempotency-key": service.new_key()}
        await service.ask(tenant, "POST", "/v1/stock/transactions", body, **headers)

    return call


def _of_items(service: Service, tenant: Tenant) -> Iterator[tuple[str, Call]]:
    some = random.Random(0).sample(tenant.item_ids, _ITEMS)
    yield "get by id", _get(service, tenant, *(f"/v1/items/{id}" for id in some))
    yield f"list of {PAGE}", _get(service, tenant, f"/v1/items?limit={PAGE}")
    for query in (
        "sku=bl-777",
        "sort=-updated_at",
        "tag=inox",
        f"tag={RARE}",
        f"tag={RARE}&sort=-updated_at",
        "status=archived",
        "status=archived&sort=sku",
        "barcode=8934563138172",
    ):
        yield f"list, {query}", _get(service, tenant, f"/v1/items?limit={PAGE}&{query}")
    yield "create", _create(service, tenant)
    yield "patch", _patch(service, tenant, some)


def _of_stock(service: Service, tenant: Tenant) -> Iterator[tuple[str, Call]]:
    some = random.Random(0).sample(tenant.item_ids[1:], _ITEMS)
    busiest = tenant.item_ids[0]
    then = "as_of=2026-03-10T00:00:00Z"
    since = "since=2026-03-10T00:00:00Z"
    levels, place = "/v1/stock/levels", f"location_id={tenant.location_id}"

    def moves(sort: str, *item_ids: object) -> list[str]:
        path = f"/v1/stock/moves?{place}&limit={PAGE}&sort={sort}"
        return [f"{path}&item_id={id}" for id in item_ids]

    yield "issue of one line", _issue(service, tenant, some)
    yield "levels, a page", _get(service, tenant, f"{levels}?limit={PAGE}")
    yield "levels of an item", _get(service, tenant, *(f"{levels}?item_id={id}" for id in some))
    for name, ids in (("an item", some), ("the busiest item", [busiest])):
        for basis in ("effective", "posted"):
            paths = [f"{levels}?item_id={id}&{then}&as_of_basis={basis}" for id in ids]
            yield f"levels of {name} as of a date, {basis}", _get(service, tenant, *paths)
        for sort in ("posted_at", "-posted_at", "effective_at", "-effective_at"):
            yield f"card of {name}, {sort}", _get(service, tenant, *moves(sort, *ids))
        for sort in ("posted_at", "effective_at"):
            paths = [f"{path}&{since}" for path in moves(sort, *ids)]
            yield f"card of {name} since a date, {sort}", _get(service, tenant, *paths)
    for basis in ("effective", "posted"):
        path = f"{levels}?limit={PAGE}&{then}&as_of_basis={basis}"
        yield f"levels, a page as of a date, {basis}", _get(service, tenant, path)
    paths = [f"/v1/stock/verification?item_id={id}" for id in some]
    yield "verification of an item", _get(service, tenant, *paths)


async def _series(data: Grown, few: Service, many: Service, sizes: Sizes) -> list[Series]:
    found: dict[tuple[str, str], tuple[dict[int, Service], dict[int, Call]]] = {}

    def add(axis: str, size: int, service: Service, calls: Iterator[tuple[str, Call]]) -> None:
        for operation, call in calls:
            services, of_sizes = found.setdefault((axis, operation), ({}, {}))
            services[size], of_sizes[size] = service, call

    for size, tenant in data.by_items.items():
        add("items of a business", size, many, _of_items(many, tenant))
    for size, tenant in data.by_moves.items():
        add("moves of a business", size, many, _of_stock(many, tenant))
    for size, service, tenant in zip(sizes.tenants, (few, many), data.alike, strict=True):
        add("businesses", size, service, _of_items(service, tenant))
    longest = max(data.by_moves)
    ledger, catalogue = data.by_moves[longest], data.by_items[max(data.by_items)]
    card = f"/v1/stock/moves?item_id={ledger.item_ids[0]}&location_id={ledger.location_id}"
    for operation, tenant, path in (
        ("list of items", catalogue, "/v1/items?"),
        ("list of items by SKU", catalogue, "/v1/items?sort=sku&"),
        ("levels", ledger, "/v1/stock/levels?"),
        ("stock card", ledger, f"{card}&"),
        ("stock card by date", ledger, f"{card}&sort=effective_at&"),
    ):
        pages = await _pages(many, tenant, f"{path}limit={PAGE}", sizes.pages)
        for number, page in pages.items():
            add("page of a list", number, many, iter([(operation, _get(many, tenant, page))]))
    return [Series(axis, name, *of_sizes) for (axis, name), of_sizes in found.items()]


async def _measure(data: Grown, options: argparse.Namespace, sizes: Sizes) -> list[Series]:
    few, many = Service(data.few_url), Service(data.many_url)
    try:
        for service, tenant in zip((few, many), data.alike, strict=True):
            await service.ask(tenant, "GET", "/v1/items")
            await service.prepare()
        all_series = [
            each
            for each in await _series(data, few, many, sizes)
            if options.only in f"{each.axis}: {each.operation}"
        ]
        for series in all_series:
            for call in series.calls.values():
                for _ in range(_WARM_UP):
                    await call()
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            for series in all_series:
                await series.round(options.calls)
        return all_series
    finally:
        await few.close()
        await many.close()


def _report(all_series: list[Series]) -> Iterator[str]:
    """Yield a table for each thing that grows: microseconds of CPU, and ratios."""
    for axis in dict.fromkeys(series.axis for series in all_series):
        of_axis = [series for series in all_series if series.axis == axis]
        sizes = sorted({size for series in of_axis for size in series.calls})
        yield f"\n### {axis}\n"
        shown = [f"{size:,}".replace(",", " ") for size in sizes]
        heads = [f"µs at {shown[0]}", *(f"× at {each}" for each in shown[1:])]
        yield f"| operation | {' | '.join(heads)} | latency × | |"
        yield "|---|" + "---:|" * (len(heads) + 1) + "---|"
        for series in of_axis:
            own = sorted(series.calls)
            least = series.cost(own[0]) * 1e6
            ratios = [f"{series.ratio(size):.2f}" for size in own[1:]]
            medians = [statistics.median(series.latency[size]) for size in (own[0], own[-1])]
            cells = [f"{least:.0f}", *ratios, f"{medians[1] / medians[0]:.2f}"]
            mark = "" if is_flat(series) else "grows"
            yield f"| {series.operation} | {' | '.join(cells)} | {mark} |"


def is_flat(series: Series) -> bool:
    """Whether no size costs more than the smallest by more than is allowed."""
    return all(series.ratio(size) <= FLAT for size in series.calls)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="with a hundredth of the data")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=10, help="of each size in each round")
    parser.add_argument("--only", default="", help="what the name of a series has in it")
    options = parser.parse_args()
    sizes = Sizes.quick() if options.quick else Sizes.full()
    with grown(sizes) as data:
        all_series = asyncio.run(_measure(data, options, sizes))
    print("\n".join(_report(all_series)))
    return 0 if all(map(is_flat, all_series)) else 1


if __name__ == "__main__":
    sys.exit(main())
