"""R13: the clocks of two service machines are wrong, one a day ahead and one a day behind.

The database's clock is right, and so is this one: both run on one machine.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2

from tests.conftest import OPERATOR_KEY, settings_for
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Business, Site, client
from tests.reliability.writers import ANY_VERSION, ITEMS

CLOCKS_MOVED: Final = "the services' clocks are a day apart from the database's"
EXPIRES_IN_TIME: Final = "a key ends when it should, on either machine"
DATED_RIGHT: Final = "whatever is stored and told is dated by the database"
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.1
IN_ORDER: Final = "events and keyset lists are in the order of what was done"
NOTHING_MISSED: Final = "a scan over both machines misses and repeats nothing"

_KEYS: Final = "/v1/api-keys"
_LIFETIME: Final = timedelta(seconds=3)
_TOLERANCE: Final = timedelta(seconds=1)
"""How late an answer may be told, and how long a look-up may take, on a machine with other work.

A key may end early by as long as its look-up took, and never late
(docs/decisions/0012-ids-and-time.md).
"""
_REMEMBERED: Final = timedelta(seconds=5)
"""For so long a withdrawn key may still be served (docs/en/access.md)."""
_WATERMARK_BEHIND: Final = timedelta(seconds=60)

_STORED_TIMES: Final = """
    SELECT created_at AS time FROM items WHERE tenant_id = $1
    UNION ALL SELECT updated_at FROM items WHERE tenant_id = $1
    UNION ALL SELECT created_at FROM events WHERE tenant_id = $1
    UNION ALL SELECT unnest(ARRAY[created_at, revoked_at, replaced_at, last_used_at])
        FROM api_keys WHERE tenant_id = $1
    UNION ALL SELECT unnest(ARRAY[created_at, updated_at]) FROM tenants WHERE id = $1
    UNION ALL SELECT expires_at - interval '7 days' FROM idempotency_keys WHERE tenant_id = $1
"""


@dataclass
class _Machines:
    """The two services, as clients see them, by turns; and how keys ended wrongly there."""

    ahead: httpx2.AsyncClient
    behind: httpx2.AsyncClient
    wrong_ends: Counter[str] = field(default_factory=Counter)

    def __getitem__(self, number: int) -> httpx2.AsyncClient:
        """Return one machine after the other."""
        return (self.ahead, self.behind)[number % 2]


async def moved_clocks(site: Site, *, items: int, alteration: str | None = None) -> Outcome:
    """Write `items` by turns on both machines, and let keys end; read everything on both.

    `alteration` is that of the machine which is behind.
    """
    business = await site.business()
    began = datetime.now(UTC)
    async with _machines(site, business, alteration or "a_day_behind") as machines:
        apart = await _distance(machines)
        await asyncio.gather(_expiry(machines), _rotation(machines), _past_is_refused(machines))
        made = await _write(machines, items)
        events, in_order = await _orders(machines, made)
        missed = await _scan(machines, made)
        watermarks = await _wrong_watermarks(machines)
        opened = await _opened_at(machines)
    over = datetime.now(UTC)
    rows = await site.fetch(_STORED_TIMES, business.tenant_id)
    times = [row["time"] for row in rows if row["time"] is not None] + opened
    wrong = sum(not began - _TOLERANCE <= time <= over for time in times)
    return Outcome(
        figures={
            "hours_apart": round(apart.total_seconds() / 3600),
            "keys_refused_early": machines.wrong_ends["early"],
            "keys_served_late": machines.wrong_ends["late"],
            "other_answers": machines.wrong_ends["other"],
            "stored_times": len(times),
            "wrong_times": wrong,
            "wrong_watermarks": watermarks,
            "items": len(made),
            "events": events,
            "missed_or_repeated": missed,
        },
        promises={
            CLOCKS_MOVED: abs(apart - timedelta(days=2)) < timedelta(minutes=1),
            EXPIRES_IN_TIME: machines.wrong_ends.total() == 0,
            DATED_RIGHT: wrong + watermarks == 0,
            IN_ORDER: in_order,
            NOTHING_MISSED: missed == 0,
        },
    )


@asynccontextmanager
async def _machines(site: Site, business: Business, behind: str) -> AsyncIterator[_Machines]:
    settings = {
        "SOKHO_OPERATOR_KEY_HASH": str(settings_for(site.urls).operator_hash()),
        "SOKHO_DATABASE_URL": site.urls.app,
        "SOKHO_WORKER_DATABASE_URL": site.urls.worker,
    }
    async with AsyncExitStack() as stack:
        one, other = await asyncio.gather(  # to start takes time
            *(
                stack.enter_async_context(site.serving(alteration=clock, settings=settings))
                for clock in ("a_day_ahead", behind)
            )
        )
        ahead = await stack.enter_async_context(client(one, business))
        late = await stack.enter_async_context(client(other, business))
        yield _Machines(ahead, late)


async def _distance(machines: _Machines) -> timedelta:
    """Return how far the machines' clocks are apart, as their ids of requests tell."""
    times = []
    for http in (machines.ahead, machines.behind):
        answer = await http.get(f"{ITEMS}?limit=1")
        milliseconds = int(answer.headers["x-request-id"].replace("-", "")[:12], 16)
        times.append(datetime.fromtimestamp(milliseconds / 1000, UTC))  # RFC 9562, section 5.7
    return times[0] - times[1]


async def _expiry(machines: _Machines) -> None:
    """Let a key expire that was made on the machine by whose clock it has expired already."""
    end = datetime.now(UTC) + _LIFETIME
    body = {"name": "một lát", "role": "viewer", "expires_at": end.isoformat()}
    made = await machines.ahead.post(_KEYS, json=body)
    if made.status_code != 201:
        machines.wrong_ends["other"] += 1
        return
    await _see_end(machines, made.json()["api_key"], end, end)


async def _rotation(machines: _Machines) -> None:
    """Let the overlap of a rotation end."""
    made = (await machines.behind.post(_KEYS, json={"name": "cũ", "role": "viewer"})).json()
    overlap = {"overlap_seconds": round(_LIFETIME.total_seconds())}
    first = datetime.now(UTC) + _LIFETIME
    rotated = await machines.ahead.post(f"{_KEYS}/{made['id']}/rotate", json=overlap)
    last = datetime.now(UTC) + _LIFETIME + _REMEMBERED
    if rotated.status_code != 201:
        machines.wrong_ends["other"] += 1
        return
    await _see_end(machines, made["api_key"], first, last)


async def _see_end(machines: _Machines, api_key: str, first: datetime, last: datetime) -> None:
    """Use a key on both machines until it is refused: between `first` and `last`, or wrongly."""
    headers = {"Authorization": f"Bearer {api_key}"}

    async def use(http: httpx2.AsyncClient) -> None:
        while True:
            sent = datetime.now(UTC)
            status = (await http.get(f"{ITEMS}?limit=1", headers=headers)).status_code
            if status == 200 and sent <= last + _TOLERANCE:
                await asyncio.sleep(0.1)
                continue
            if status == 401:
                machines.wrong_ends["early"] += datetime.now(UTC) < first - _TOLERANCE
            else:
                machines.wrong_ends["late" if status == 200 else "other"] += 1
            return

    await asyncio.gather(use(machines.ahead), use(machines.behind))


async def _past_is_refused(machines: _Machines) -> None:
    """Try to make a key that has ended an hour ago."""
    past = datetime.now(UTC) - timedelta(hours=1)
    body = {"name": "đã qua", "role": "viewer", "expires_at": past.isoformat()}
    for http in (machines.ahead, machines.behind):
        answer = await http.post(_KEYS, json=body)
        machines.wrong_ends["other"] += answer.status_code != 422


async def _write(machines: _Machines, items: int) -> list[str]:
    """Make items on both machines by turns, and change each on the other; return their ids."""
    made = []
    for number in range(items):
        body = {"sku": f"K{number:05}", "name": "Đồng hồ"}
        headers = {"Idempotency-Key": f"clock-{number}"}
        answer = await machines[number].post(ITEMS, json=body, headers=headers)
        again = await machines[number + 1].post(ITEMS, json=body, headers=headers)
        assert (answer.status_code, again.status_code) == (201, 201), answer.text
        made.append(answer.json()["id"])
        url = f"{ITEMS}/{made[-1]}"
        changed = await machines[number + 1].patch(url, json={"name": "Kim"}, headers=ANY_VERSION)
        assert changed.status_code == 200, changed.text
    return made


async def _orders(machines: _Machines, made: list[str]) -> tuple[int, bool]:
    """Return how many events of items there are, and whether the lists are in order."""
    right = True
    events: list[Any] = []
    for http in (machines.ahead, machines.behind):
        done = [(type, id) for id in made for type in ("item.created", "item.updated")]
        # One may be held back for as long as an older transaction runs (ADR 0028).
        for _ in range(_LOOKS):
            found = await _all(http, "/v1/audit-events?limit=50")
            events = [
                (each["type"], each["resource_id"])
                for each in found
                if each["type"].startswith("item.")
            ]
            if len(events) >= len(done):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        by_time = [each["id"] for each in await _all(http, f"{ITEMS}?sort=created_at&limit=7")]
        right = right and events in (done, done[::-1]) and by_time == made
    return len(events), right


async def _scan(machines: _Machines, made: list[str]) -> int:
    """Return how many items a scan misses or repeats whose pages come from both by turns.

    So do the pages of what has changed since a watermark of the other machine.
    """
    first = await machines.behind.get(f"{ITEMS}?limit=1")
    since = first.headers["sokho-sync-watermark"]
    wrong = 0
    for path in (f"{ITEMS}?limit=3", f"{ITEMS}?limit=3&updated_since={since}"):
        ids: list[str] = []
        url, turn = path, 0
        while url:
            page = await machines[turn].get(url)
            assert page.status_code == 200, page.text
            ids += [each["id"] for each in page.json()]
            url, turn = _next(page), turn + 1
        wrong += len(ids) - len(set(ids)) + len(set(made).symmetric_difference(ids))
    return wrong


async def _all(http: httpx2.AsyncClient, url: str) -> list[Any]:
    found = []
    while url:
        page = await http.get(url)
        assert page.status_code == 200, page.text
        found += page.json()
        url = _next(page)
    return found


def _next(page: httpx2.Response) -> str:
    link = page.headers.get("link")
    return "" if link is None else link[1 : link.index(">")]


async def _wrong_watermarks(machines: _Machines) -> int:
    """Return how many watermarks are not a minute behind the database, as they say."""
    wrong = 0
    for http in (machines.ahead, machines.behind):
        answer = await http.get(f"{ITEMS}?limit=1")
        told = datetime.fromisoformat(answer.headers["sokho-sync-watermark"])
        behind = datetime.now(UTC) - told - _WATERMARK_BEHIND
        wrong += not timedelta(0) <= behind <= _TOLERANCE
    return wrong


async def _opened_at(machines: _Machines) -> list[datetime]:
    """Open a business on each machine; return when that was, as is told."""
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    times = []
    for http in (machines.ahead, machines.behind):
        answer = await http.post("/v1/admin/tenants", json={"name": "Tiệm"}, headers=headers)
        assert answer.status_code == 201, answer.text
        times.append(datetime.fromisoformat(answer.json()["created_at"]))
    return times
