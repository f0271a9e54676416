"""What lies between socket and repository: ``python -m benchmarks.in_process``.

One item by id, called as a server would call it, in this process and without one. The item
comes from memory. Beside the service as shipped stand the same with no route but this one, and
a bare FastAPI endpoint: FastAPI and Starlette as they ship, one dependency that believes a
header, and the same item. They take turns, a thousand calls at a time.
"""

import argparse
import asyncio
import gc
from collections.abc import Callable, Sequence
from statistics import median
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import Depends, FastAPI, Header
from starlette.responses import Response

from benchmarks.authentication import (
    ONE_ITEM,
    Call,
    DatabaseInMemory,
    Turns,
    call_of,
    service,
    timed,
)
from benchmarks.dataset import Dataset, filled_database
from benchmarks.report import versions
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.http.body import JSON
from sokho.modules.items.infrastructure.http_router import get_item, router

BARE: Final = "bare FastAPI endpoint, returns a dictionary"
READY: Final = "bare FastAPI endpoint, returns JSON that is ready"
ALONE: Final = "Sokho with this route alone"
SHIPPED: Final = "Sokho as shipped"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_process", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=1000, help="of each contender in each round")
    options = parser.parse_args()
    with filled_database(tenants=1, items=1) as dataset:
        results = asyncio.run(_measure(dataset, options.rounds, options.calls))
    print(f"{table(results)}\n\n{options.rounds} rounds of {options.calls} calls; {versions()}")


def table(results: dict[str, Turns]) -> str:
    """Return a Markdown table: medians; the service as shipped is the median of the ratios."""
    lines = ["| GET of one item | CPU µs (spread) | as shipped takes (spread) |", "|---|--:|--:|"]
    shipped = results[SHIPPED].cpu
    for name, turns in results.items():
        ratios = [one / other for one, other in zip(shipped, turns.cpu, strict=True)]
        times = "–" if name == SHIPPED else f"{_spread(ratios, '.2f')} times as long"
        lines.append(f"| {name} | {_spread(turns.cpu, '.1f')} | {times} |")
    return "\n".join(lines)


async def _measure(dataset: Dataset, rounds: int, calls: int) -> dict[str, Turns]:
    contenders = {name: Turns(call, calls) for name, call in (await _calls(dataset)).items()}
    gc.freeze()  # as the service does when it starts
    for number in range(rounds + 1):
        for turns in contenders.values():
            elapsed, cpu = await timed(turns)
            if number > 0:  # the first is for warming up
                turns.elapsed.append(elapsed)
                turns.cpu.append(cpu)
    return contenders


async def _calls(dataset: Dataset) -> dict[str, Call]:
    (tenant,) = dataset.tenants
    database = Database(dataset.urls.app, pool_size=1)
    async with database.transaction(tenant.id, read_only=True) as transaction:
        rows = await transaction.fetch_all(ONE_ITEM)
    await database.close()
    path = f"{router.prefix}/{tenant.item_ids[0]}"
    key = (b"authorization", f"Bearer {tenant.api_key}".encode())

    shipped, alone = service(dataset), service(dataset)
    alone.router.routes[:] = [
        route for route in alone.router.routes if getattr(route, "endpoint", None) is get_item
    ]
    for app in (shipped, alone):
        app.state.database = DatabaseInMemory(dataset.urls.app, rows)
    told: list[bytes] = []
    await call_of(shipped, path, key, told=told)()
    answer = b"".join(told)
    item = msgspec.json.decode(answer)
    believed = (b"x-tenant-id", str(tenant.id).encode())
    return {
        BARE: call_of(_bare(lambda: item), path, believed),
        READY: call_of(_bare(lambda: Response(answer, media_type=JSON)), path, believed),
        ALONE: call_of(alone, path, key),
        SHIPPED: call_of(shipped, path, key),
    }


def _bare(answer: Callable[[], Any]) -> FastAPI:
    """Return an application of one endpoint, which returns what `answer` returns."""
    app = FastAPI()

    async def tenant_of(x_tenant_id: Annotated[UUID, Header()]) -> UUID:
        return x_tenant_id

    @app.get(f"{router.prefix}/{{item_id}}")
    async def get(item_id: UUID, tenant_id: Annotated[UUID, Depends(tenant_of)]) -> Any:
        assert item_id != tenant_id
        return answer()

    return app


def _spread(figures: Sequence[float], form: str) -> str:
    ordered = sorted(figures)
    lowest, highest = format(ordered[0], form), format(ordered[-1], form)
    return f"{format(median(ordered), form)} ({lowest}–{highest})"


if __name__ == "__main__":
    main()
