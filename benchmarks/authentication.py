"""What a key costs on the way to one item: ``python -m benchmarks.authentication``.

The service is called in this process, without a server. The item comes from memory, so that
nothing is measured but the request itself; keys are looked up in a real database. The same
route with and without security takes turns, a few hundred calls at a time.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from statistics import median
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.dataset import SECRET, Dataset, filled_database
from benchmarks.report import versions
from benchmarks.servers import UNREACHED
from sokho.app import create_app
from sokho.core.dependencies import open_transaction
from sokho.core.infrastructure.database import TENANT, Database, Row, Statement, Transaction
from sokho.core.infrastructure.database.pool import Pool
from sokho.core.infrastructure.database.reading import ReadTransaction
from sokho.core.infrastructure.http.application import Application
from sokho.core.infrastructure.http.preconditions import IfNoneMatch
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.settings import Settings
from sokho.modules.api_keys.infrastructure.authenticator import ApiKeyAuthenticator
from sokho.modules.api_keys.infrastructure.last_uses import LastUses
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.http_router import ITEM
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.items.infrastructure.tables import items

BARE: Final = "no security"
WARM: Final = "as shipped, key verified in the last 5 s"
COLD: Final = "as shipped, key not seen before"

_BARE: Final = "/bare/items"
_SHIPPED: Final = "/v1/items"
ONE_ITEM: Final = Statement(sa.select(items).where(items.c.tenant_id == TENANT))

Call = Callable[[], Awaitable[None]]


@dataclass
class Turns:
    """What one contender took: microseconds a call, by round, and round trips in all."""

    call: Call
    calls: int
    elapsed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    round_trips: float = 0.0


class FromMemory(ReadTransaction):
    """Answers every SELECT with the same rows."""

    def __init__(self, pool: Pool, tenant_id: UUID, rows: list[Row]) -> None:
        super().__init__(pool, tenant_id)
        self._rows = rows

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        statement.one_trip_arguments(self.tenant_id, values)
        return self._rows


class DatabaseInMemory:
    """Has one item, and opens transactions on it."""

    def __init__(self, dsn: str, rows: list[Row]) -> None:
        self._pool = Pool(dsn, size=1)
        self._rows = rows

    def transaction(self, tenant_id: UUID, **_: object) -> Transaction:
        return FromMemory(self._pool, tenant_id, self._rows)


class CountingDatabase(Database):
    """Remembers its transactions, for their round trips."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, pool_size=1)
        self.opened: list[Transaction] = []

    def transaction(self, tenant_id: UUID, **how: Any) -> Transaction:
        self.opened.append(super().transaction(tenant_id, **how))
        return self.opened[-1]


router = APIRouter(prefix=_BARE, route_class=PreparedRoute)


async def _transaction(request: Request) -> Transaction:
    """Do what the shipped dependency does, but for asking who is calling."""
    return open_transaction(request, request.app.state.tenant_id, None)


async def _item_service(
    transaction: Annotated[Transaction, Depends(_transaction, scope="function")],
) -> ItemService:
    return ItemService(PostgresItemRepo(transaction), transaction)


@router.get("/{item_id}")
async def get_bare_item(
    item_id: UUID,
    service: Annotated[ItemService, Depends(_item_service)],
    if_none_match: IfNoneMatch = None,
) -> Response:
    item = await service.get(item_id)
    return ITEM.conditional(if_none_match, item, item.version)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.authentication", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=400, help="of each contender in each round")
    options = parser.parse_args()
    with filled_database(tenants=1, items=1) as dataset:
        results = asyncio.run(_measure(dataset, options.rounds, options.calls))
    print(f"{table(results)}\n\n{options.rounds} rounds of {options.calls} calls; {versions()}")


def table(results: dict[str, Turns]) -> str:
    """Return a Markdown table: medians; what security adds is the median of the differences."""
    lines = [
        "| GET of one item | µs | more than without (spread) | CPU µs | round trips for the key |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, turns in results.items():
        more = sorted(_beyond(turns.elapsed, results[BARE].elapsed))
        added = "–" if name == BARE else f"{median(more):+.0f} ({more[0]:.0f}–{more[-1]:.0f})"
        figures = f"{median(turns.elapsed):.0f} | {added} | {median(turns.cpu):.0f}"
        lines.append(f"| {name} | {figures} | {turns.round_trips:g} |")
    return "\n".join(lines)


def service(dataset: Dataset) -> Application:
    """Return the service on a database, with the log off and quotas that are counted."""
    settings = {
        "database_url": dataset.urls.app,
        "secret": SECRET,
        "log_level": "warning",
        "requests_per_minute": UNREACHED,
    }
    app = create_app(Settings.model_validate(settings))
    assert isinstance(app, Application)
    return app


async def _measure(dataset: Dataset, rounds: int, calls: int) -> dict[str, Turns]:
    (tenant,) = dataset.tenants
    database = CountingDatabase(dataset.urls.app)
    app = service(dataset)
    app.add_routes(router)
    async with database.transaction(tenant.id, read_only=True) as transaction:
        rows = await transaction.fetch_all(ONE_ITEM)
    app.state.database = DatabaseInMemory(dataset.urls.app, rows)
    app.state.tenant_id = tenant.id

    def forget() -> None:
        app.state.authenticator = ApiKeyAuthenticator(
            database, app.state.pepper, last_uses=LastUses(database)
        )

    key = (b"authorization", f"Bearer {tenant.api_key}".encode())
    get = {path: call_of(app, f"{path}/{tenant.item_ids[0]}", key) for path in (_BARE, _SHIPPED)}

    async def cold() -> None:
        forget()
        await get[_SHIPPED]()

    contenders = {
        BARE: Turns(get[_BARE], calls),
        WARM: Turns(get[_SHIPPED], calls),
        COLD: Turns(cold, max(1, calls // 10)),
    }
    forget()
    gc.freeze()  # as the service does when it starts
    for number in range(rounds + 1):
        for turns in contenders.values():
            await turns.call()  # the cold one leaves the key warm for the next round
            database.opened.clear()
            elapsed, cpu = await timed(turns)
            turns.round_trips = sum(one.round_trips for one in database.opened) / turns.calls
            if number > 0:  # the first is for warming up
                turns.elapsed.append(elapsed)
                turns.cpu.append(cpu)
    await database.close()
    return contenders


async def timed(turns: Turns) -> tuple[float, float]:
    """Return the microseconds of a call: by the clock, and of this process's CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(turns.calls):
        await turns.call()
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    return elapsed / turns.calls * 1e6, cpu / turns.calls * 1e6


def _beyond(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(above, below, strict=True)]


def call_of(
    app: Any, path: str, *credentials: tuple[bytes, bytes], told: list[bytes] | None = None
) -> Call:
    """Return a call of a service as uvicorn makes it, with the headers that say who calls.

    The answer's body is added to `told`, if that is given.
    """
    headers = [(b"host", b"127.0.0.1"), *credentials]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        assert message.get("status", HTTPStatus.OK) == HTTPStatus.OK, message
        if told is not None:
            told.append(message.get("body", b""))

    async def call() -> None:
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        await app(scope, receive, send)

    return call


if __name__ == "__main__":
    main()
