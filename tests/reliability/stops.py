"""R15: the service is told to stop (SIGTERM) under load."""

import asyncio
import signal
import time
from collections import Counter
from typing import Final

import httpx2

from tests.integration.test_serving import Service
from tests.reliability.outcomes import Outcome
from tests.reliability.planted import plant, slow_down_inserts
from tests.reliability.sites import Business, Site, client
from tests.reliability.wire import Wire, request
from tests.reliability.writers import ITEMS

NOTHING_LOST: Final = "every request that was sent is answered: no reset, no end of file"
IN_FLIGHT: Final = "requests in progress finish"
ENDS_WELL: Final = "the exit code is 0, within the grace"
TOLD: Final = "/readyz says 503 while the service still serves"

_AS_SHIPPED: Final = {"SOKHO_DRAIN_SECONDS": "2"}
"""The services of other tests do not drain: that would only take time."""

_GRACE_SECONDS: Final = 35.0
_QUERY_SECONDS: Final = 1.5
_SLOW_REQUESTS: Final = 4
_CONNECT_SECONDS: Final = 3.0


async def stops(
    site: Site, *, rounds: int, clients: int, workers: int, alteration: str | None = None
) -> Outcome:
    """Stop the service `rounds` times under `clients`: half keep connections, half open new ones.

    Beside them some requests whose query takes 1.5 s are in progress.
    """
    business = await site.business()
    await plant(site)
    await slow_down_inserts(site, seconds=_QUERY_SECONDS)
    seen: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    slowest = 0.0
    for number in range(rounds):
        async with site.serving(
            workers=workers, alteration=alteration, settings=_AS_SHIPPED
        ) as service:
            load = [_ask(service.http.base_url, business, n % 2 == 0, seen) for n in range(clients)]
            asking = asyncio.gather(*load)
            writing = asyncio.create_task(_write_slowly(service, business, number, seen))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            asked = asyncio.create_task(_readiness(service.http.base_url, business, seen))
            codes[await asyncio.to_thread(service.process.wait, _GRACE_SECONDS * 2)] += 1
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.gather(asking, writing, asked)
    return Outcome(
        figures={
            "stops": rounds,
            "workers": workers,
            "clients": clients,
            "answered": seen["answered"],
            "lost": seen["lost"],
            "other_answers": seen["other"],
            "in_progress": rounds * _SLOW_REQUESTS,
            "in_progress_finished": seen["finished"],
            "told_not_ready": seen["not ready"],
            "exit_code_0": codes[0],
            "slowest_stop_s": round(slowest, 2),
        },
        promises={
            NOTHING_LOST: seen["lost"] + seen["other"] == 0 and seen["answered"] > clients,
            IN_FLIGHT: seen["finished"] == rounds * _SLOW_REQUESTS,
            ENDS_WELL: codes[0] == rounds and slowest <= _GRACE_SECONDS,
            TOLD: seen["not ready"] == rounds,
        },
    )


async def _ask(url: httpx2.URL, business: Business, keeps_alive: bool, seen: Counter[str]) -> None:
    """Ask again and again until nobody takes the connection any more."""
    sent = request(business, "GET", f"{ITEMS}?limit=1")
    while (wire := await _connected(url)) is not None:
        try:
            while not wire.is_ended:
                await wire.send(sent)
                answer = await wire.answer()
                seen["answered" if answer.status == 200 else "other"] += 1
                if answer.closes or not keeps_alive:
                    break
                await asyncio.sleep(0.005)
        except (OSError, EOFError):
            seen["lost"] += 1
        finally:
            wire.close()
        await asyncio.sleep(0.005)


async def _connected(url: httpx2.URL) -> Wire | None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await Wire.open(url)
    except OSError:  # refused, or not taken in time: nothing was sent
        return None


async def _write_slowly(
    service: Service, business: Business, number: int, seen: Counter[str]
) -> None:
    """Send requests that will be in progress when the signal comes, and for a while longer."""
    async with client(service, business) as http:
        bodies = [{"sku": f"L{number}-{n}", "name": "Lâu"} for n in range(_SLOW_REQUESTS)]
        sent = (http.post(ITEMS, json=body) for body in bodies)
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, httpx2.Response) and answer.status_code == 201:
                seen["finished"] += 1


async def _readiness(url: httpx2.URL, business: Business, seen: Counter[str]) -> None:
    """Ask whether it is ready until it says no, or says nothing any more."""
    while (wire := await _connected(url)) is not None:
        try:
            await wire.send(request(business, "GET", "/readyz"))
            if (await wire.answer()).status == 503:
                seen["not ready"] += 1
                return
        except (OSError, EOFError):
            pass
        finally:
            wire.close()
        await asyncio.sleep(0.01)
