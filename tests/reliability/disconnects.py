"""R10: clients go away at any point of a request, with a word or without."""

import asyncio
from random import Random
from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Business, Site, client
from tests.reliability.told import Told, batch
from tests.reliability.waiting import until
from tests.reliability.wire import Wire, request
from tests.reliability.writers import ITEMS

NOTHING_OPEN: Final = "afterwards no connection is in a transaction"
ALL_USABLE: Final = "afterwards every connection of the pool is usable"
CONSERVED: Final = "what was acknowledged is there, and nothing is there by half"

_POOL: Final = 4
_AT_ONCE: Final = 20
_LONGEST_WAIT_SECONDS: Final = 0.15


async def disconnects(
    site: Site, *, clients: int, seed: int, alteration: str | None = None
) -> Outcome:
    """Let `clients` send a request, or a part of one, and go away at a random moment."""
    business = await site.business()
    told = Told()
    turn = asyncio.Semaphore(_AT_ONCE)
    chance = Random(seed)
    answered = 0
    async with (
        site.serving(alteration=alteration, settings={"SOKHO_POOL_SIZE": str(_POOL)}) as service,
        client(service, business) as http,
    ):
        url = service.http.base_url
        taken = await http.post(ITEMS, json={"sku": "TAKEN", "name": "Thước"})
        assert taken.status_code == 201, taken.text
        told.created.add("TAKEN")

        async def come_and_go(number: int) -> bool:
            async with turn:
                return await _come_and_go(url, business, number, chance, told)

        for each in asyncio.as_completed([come_and_go(n) for n in range(clients)]):
            answered += await each
        open_after = await _in_transaction(site)
        usable = await _usable(http)
    found = await told.compare(site, business.tenant_id)
    return Outcome(
        figures={
            "disconnects": clients,
            "after_the_answer": answered,
            "before_the_answer": clients - answered,
            "in_transaction_after": open_after,
            "usable_connections": usable,
            "lost": found.lost,
            "halves": found.halves,
        },
        promises={
            NOTHING_OPEN: open_after == 0,
            ALL_USABLE: usable == _POOL,
            CONSERVED: found.lost + found.halves == 0,
        },
    )


async def _come_and_go(
    url: httpx2.URL, business: Business, number: int, chance: Random, told: Told
) -> bool:
    """Send, wait a little, and go away; return whether an answer came before."""
    sku, prefix = f"D{number}", f"E{number}"
    kind = chance.choice(["create", "refused", "batch", "list"])
    if kind == "list":
        sent = request(business, "GET", f"{ITEMS}?limit=50")
    elif kind == "batch":
        told.batches[prefix] = False
        sent = request(business, "POST", f"{ITEMS}/batch", {"items": batch(prefix)})
    else:
        body = {"sku": "TAKEN" if kind == "refused" else sku, "name": "Thước"}
        # With a key it is a transaction of several statements, which has to be rolled back.
        sent = request(business, "POST", ITEMS, body, Idempotency_Key=f"{kind} {number}")
    if chance.random() < 0.3:
        sent = sent[: chance.randrange(1, len(sent))]
    wire = await Wire.open(url)
    await wire.send(sent)
    status = 0
    try:
        async with asyncio.timeout(chance.uniform(0, _LONGEST_WAIT_SECONDS)):
            status = (await wire.answer()).status
    except TimeoutError:
        pass
    if 200 <= status < 300 and kind == "create":
        told.created.add(sku)
    elif 200 <= status < 300 and kind == "batch":
        told.batches[prefix] = True
    wire.reset() if chance.random() < 0.5 else wire.close()
    return status != 0


async def _in_transaction(site: Site) -> int:
    """Return how many connections are in a transaction when all work is long over.

    The server itself would end one after 10 seconds (`idle_in_transaction_session_timeout`):
    this looks before.
    """

    async def quiet() -> bool:
        return "active" not in await site.sessions()

    await until(quiet)
    await asyncio.sleep(1)
    return sum(n for state, n in (await site.sessions()).items() if "transaction" in state)


async def _usable(http: httpx2.AsyncClient) -> int:
    """Return how many requests of as many as there are connections are served at once."""
    bodies = [{"sku": f"Z{number}", "name": "Thước"} for number in range(_POOL)]
    sent = (http.post(ITEMS, json=body) for body in bodies)
    return sum(answer.status_code == 201 for answer in await asyncio.gather(*sent))
