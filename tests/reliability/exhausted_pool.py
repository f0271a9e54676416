"""R9: many more clients than connections, and a query that takes its time."""

import asyncio
import time
from typing import Final, NamedTuple

import httpx2

from tests.reliability.outcomes import Outcome, percentile
from tests.reliability.planted import plant, slow_down_inserts
from tests.reliability.sites import Business, Site
from tests.reliability.waiting import until
from tests.reliability.wire import Wire, request
from tests.reliability.writers import ITEMS

REFUSED_FAST: Final = "99 % of the refusals come within 1.5 s, and nobody hangs"
REFUSED_WELL: Final = "every refusal is 503 with Retry-After"
RECOVERS: Final = "everybody is served within 2 s of the end of the slow query"
NOTHING_LEAKS: Final = "afterwards no connection is held"

_POOL: Final = 2
_QUERY_SECONDS: Final = 1.0
_LONGEST_ANSWER_SECONDS: Final = _QUERY_SECONDS + 2.0
"""Beyond this, a request has hung: it waited longer than for its turn and its query."""


class _Seen(NamedTuple):
    status: int
    seconds: float
    retry_after: str | None


async def exhausted_pool(
    site: Site, *, clients: int, seconds: float, alteration: str | None = None
) -> Outcome:
    """Let `clients` write for `seconds` through 2 connections while each insert takes 1 s.

    Each client heeds Retry-After.
    """
    business = await site.business()
    await plant(site)
    seen: list[_Seen] = []
    async with site.serving(
        alteration=alteration, settings={"SOKHO_POOL_SIZE": str(_POOL)}
    ) as service:
        url = service.http.base_url
        wires = await _connected(url, clients)
        await slow_down_inserts(site, seconds=_QUERY_SECONDS)
        end = time.monotonic() + seconds

        async def write(name: int, wire: Wire) -> None:
            number = 0
            while time.monotonic() < end:
                answer = await _send(wire, business, f"{name}-{number}")
                seen.append(answer)
                number += 1
                await asyncio.sleep(float(answer.retry_after or 0))

        await asyncio.gather(*(write(n, wire) for n, wire in enumerate(wires)))
        await slow_down_inserts(site, seconds=0)
        recovery = await _until_all_are_served(url, business, clients)
        for wire in wires:
            wire.close()
        busy = await _busy_sessions(site)
        kept = sum((await site.sessions()).values())
    refused = [each for each in seen if each.status != 201]
    p99 = percentile([each.seconds for each in refused], 99)
    hung = sum(each.seconds > _LONGEST_ANSWER_SECONDS for each in seen)
    well = sum(each.status == 503 and each.retry_after is not None for each in refused)
    return Outcome(
        figures={
            "clients": clients,
            "requests": len(seen),
            "served": len(seen) - len(refused),
            "refused": len(refused),
            "refused_with_503_and_retry_after": well,
            "p99_refusal_s": round(p99, 3),
            "hung": hung,
            "recovery_s": round(recovery, 3),
            "connections_held_after": busy,
            "connections_after": kept,
        },
        promises={
            REFUSED_FAST: p99 < 1.5 and hung == 0,
            REFUSED_WELL: bool(refused) and well == len(refused),
            RECOVERS: recovery < 2.0,
            NOTHING_LEAKS: busy == 0 and kept <= _POOL,
        },
    )


async def _send(wire: Wire, business: Business, sku: str) -> _Seen:
    """Send in bytes: a library would take longer than what is measured here."""
    began = time.monotonic()
    try:
        await wire.send(request(business, "POST", ITEMS, {"sku": sku, "name": "Kim"}))
        answer = await wire.answer()
    except (OSError, EOFError):
        return _Seen(0, time.monotonic() - began, None)
    return _Seen(answer.status, time.monotonic() - began, answer.headers.get("retry-after"))


async def _until_all_are_served(url: httpx2.URL, business: Business, clients: int) -> float:
    """Return the seconds until one round of all clients is served without a refusal."""
    wires = await _connected(url, clients)  # some of the others have been idle for too long
    began = time.monotonic()
    round_ = 0

    async def all_are() -> bool:
        nonlocal round_
        round_ += 1
        sent = (_send(wire, business, f"after-{round_}-{n}") for n, wire in enumerate(wires))
        return {each.status for each in await asyncio.gather(*sent)} == {201}

    await until(all_are)
    for wire in wires:
        wire.close()
    return time.monotonic() - began


async def _connected(url: httpx2.URL, clients: int) -> list[Wire]:
    return [await Wire.open(url) for _ in range(clients)]


async def _busy_sessions(site: Site) -> int:
    """Return how many connections are not idle, once those that ended have had a moment."""
    await asyncio.sleep(0.5)
    sessions = await site.sessions()
    return sum(count for state, count in sessions.items() if state != "idle")
