"""R11: many sockets send heads and bodies byte by byte, while others go on with their work."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome, percentile
from tests.reliability.sites import Business, Site, client
from tests.reliability.wire import Wire, request
from tests.reliability.writers import ITEMS

UNHARMED: Final = "every healthy request is served"
AS_FAST: Final = "99 % of the healthy take at most 50 ms more, or twice as long"
CUT_OFF: Final = "every slow socket is told 408 or closed within half a minute"

_HEALTHY_CLIENTS: Final = 4
_BYTE_EVERY_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 30.0
_BODY: Final = {"sku": "SLOW", "name": "Chậm", "description": "x" * 400}


@dataclass
class _Healthy:
    """What clients saw that send as one should."""

    seconds: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)


async def slow_sockets(
    site: Site, *, sockets: int, seconds: float, to_the_end: bool = True, most: int = 500
) -> Outcome:
    """Measure healthy clients for `seconds` alone, and then beside `sockets` slow ones.

    Half of these send a head, half a body. `to_the_end` waits until the service has ended
    each. The service takes on `most` requests at once.
    """
    business = await site.business()
    limit = {"SOKHO_CONCURRENT_REQUESTS": str(most)}
    async with (
        site.serving(settings=limit) as service,
        client(service, business) as http,
    ):
        alone = await _work(http, "A", seconds)
        ended: Counter[str] = Counter()
        url = service.http.base_url
        slow = [
            asyncio.create_task(_send_slowly(url, _beginning(business, number), ended))
            for number in range(sockets)
        ]
        await asyncio.sleep(1)  # until all have begun
        beside = await _work(http, "B", seconds)
        if to_the_end:
            await asyncio.gather(*slow)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
    p99_alone, p99_beside = percentile(alone.seconds, 99), percentile(beside.seconds, 99)
    return Outcome(
        figures={
            "slow_sockets": sockets,
            "healthy_requests": len(beside.seconds),
            "healthy_not_served": beside.others.total(),
            "p50_alone_ms": round(percentile(alone.seconds, 50) * 1000, 1),
            "p50_beside_ms": round(percentile(beside.seconds, 50) * 1000, 1),
            "p99_alone_ms": round(p99_alone * 1000, 1),
            "p99_beside_ms": round(p99_beside * 1000, 1),
            "told_408": ended["408"],
            "closed": ended["closed"],
        },
        promises={
            UNHARMED: beside.others.total() == 0 and bool(beside.seconds),
            AS_FAST: p99_beside <= max(2 * p99_alone, p99_alone + 0.05),
            CUT_OFF: not to_the_end or ended["408"] + ended["closed"] == sockets,
        },
    )


async def _work(http: httpx2.AsyncClient, name: str, seconds: float) -> _Healthy:
    """Read and write in turn for so long."""
    healthy = _Healthy()
    end = time.monotonic() + seconds

    async def work(number: int) -> None:
        turn = 0
        while time.monotonic() < end:
            began = time.monotonic()
            if turn % 2:
                answer = await http.get(f"{ITEMS}?limit=5")
            else:
                body = {"sku": f"{name}-{number}-{turn}", "name": "Nhanh"}
                answer = await http.post(ITEMS, json=body)
            if answer.is_success:
                healthy.seconds.append(time.monotonic() - began)
            else:
                healthy.others[answer.status_code] += 1
            turn += 1
            await asyncio.sleep(0.005)

    await asyncio.gather(*(work(number) for number in range(_HEALTHY_CLIENTS)))
    return healthy


def _beginning(business: Business, number: int) -> tuple[bytes, bytes]:
    """Return what a slow socket sends at once, and what byte by byte."""
    whole = request(business, "POST", ITEMS, _BODY)
    head = whole.index(b"\r\n\r\n") + 4
    at = head if number % 2 else 1
    return whole[:at], whole[at:]


async def _send_slowly(url: httpx2.URL, parts: tuple[bytes, bytes], ended: Counter[str]) -> None:
    """Send byte by byte until the service has enough of it; count how it says so."""
    at_once, slowly = parts
    wire = await Wire.open(url)
    answer = asyncio.create_task(wire.answer())
    try:
        await wire.send(at_once)
        end = time.monotonic() + _PATIENCE_SECONDS
        for place in range(len(slowly)):
            await asyncio.wait([answer], timeout=_BYTE_EVERY_SECONDS)
            if answer.done() or time.monotonic() > end:
                break
            await wire.send(slowly[place : place + 1])
        if answer.done():
            ended[str((await answer).status)] += 1
    except (OSError, EOFError):
        ended["closed"] += 1
    finally:
        wire.close()
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
