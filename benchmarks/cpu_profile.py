"""Where the CPU of a request goes: ``python -m benchmarks.cpu_profile``.

The service is called in this process, without a server and one request at a time, on a
database of its own. The profiler makes each Python call dearer than it is, so the times are
for comparing functions with each other; the first line of each operation is without it.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

from benchmarks.calling import answer_of
from benchmarks.dataset import SECRET, Dataset, filled_database
from benchmarks.operations import CREATE, GET, ITEMS, LIST, NEW, PAGE
from sokho.app import create_app
from sokho.core.infrastructure.settings import Settings

_SITE_PACKAGES: Final = "site-packages/"
_WAITING: Final = ("select.epoll", "select.kqueue", "uvloop.loop.Loop")

Call = Callable[[], Awaitable[None]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cpu_profile", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000, help="of each operation")
    parser.add_argument("--lines", type=int, default=40, help="functions shown for each operation")
    options = parser.parse_args()
    with filled_database(tenants=1, items=200) as dataset:
        asyncio.run(_profile_all(dataset, options.calls, options.lines))


async def _profile_all(dataset: Dataset, calls: int, lines: int) -> None:
    settings = {"database_url": dataset.urls.app, "secret": SECRET, "log_level": "warning"}
    app = create_app(Settings.model_validate(settings))
    try:
        for name, call in _operations(app, dataset).items():
            await _profile(name, call, calls, lines)
    finally:
        await app.state.database.close()


async def _profile(name: str, call: Call, calls: int, lines: int) -> None:
    for _ in range(100):
        await call()
    begin = time.process_time()
    for _ in range(calls):
        await call()
    plain = (time.process_time() - begin) / calls * 1e6
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(calls):
        await call()
    profile.disable()
    print(f"\n{name}: {plain:.0f} µs of CPU a request, the profiler being off")
    print(f"{'self µs':>8} {'total µs':>9} {'calls':>6}  function")
    for row in list(_rows(profile, calls))[:lines]:
        print(row)


def _rows(profile: cProfile.Profile, calls: int) -> Iterator[str]:
    """Yield the functions, those that take most themselves first; waiting is left out."""
    stats: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, line, name), (_, times, itself, total, _) in sorted(
        stats.items(), key=lambda entry: -float(entry[1][2])
    ):
        if not any(waiting in name for waiting in _WAITING):
            where = "" if file == "~" else f"{_shortened(file)}:{line} "
            figures = f"{itself / calls * 1e6:8.1f} {total / calls * 1e6:9.1f}"
            yield f"{figures} {times / calls:6.1f}  {where}{name}"


def _shortened(file: str) -> str:
    _, found, inside = file.partition(_SITE_PACKAGES)
    return inside if found else "/".join(Path(file).parts[-3:])


def _operations(app: Any, dataset: Dataset) -> dict[str, Call]:
    """Return the three operations as calls of the ASGI application."""
    (tenant,) = dataset.tenants
    item_ids, numbers = cycle(tenant.item_ids), count()
    headers = [
        (b"authorization", f"Bearer {tenant.api_key}".encode()),
        (b"content-type", b"application/json"),
    ]

    async def get() -> None:
        await answer_of(app, "GET", f"{ITEMS}/{next(item_ids)}", headers)

    async def list_page() -> None:
        await answer_of(app, "GET", f"{ITEMS}?limit={PAGE}", headers)

    async def create() -> None:
        body = json.dumps({**NEW, "sku": f"NEW-{next(numbers)}"}, ensure_ascii=False)
        await answer_of(app, "POST", ITEMS, headers, body.encode())

    return {GET: get, LIST: list_page, CREATE: create}


if __name__ == "__main__":
    main()
