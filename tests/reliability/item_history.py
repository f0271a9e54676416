"""W: what clients see of one item agrees with one order in which everything happened."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

import httpx2

from tests.reliability.history import Move, Reading, violations
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site, client
from tests.reliability.stocking import LEVELS, Stock, document, line

LINEAR: Final = (
    "whatever ended before something else began has the lower number, and every reading is the"
    " balance at a number inside its window"
)
ANSWERED: Final = "everything is posted, refused for shortage or read"

_AT_MOST: Final = 4


class _Clients:
    """Clients who move an item and look at it, and write down when, and what they were told."""

    def __init__(self, http: httpx2.AsyncClient, goods: Stock) -> None:
        self._http = http
        self._goods = goods
        self._item = goods.items[0]
        self.moves: list[Move] = []
        self.readings: list[Reading] = []
        self.statuses: Counter[int] = Counter()

    async def act(self, times: int, chance: Random) -> None:
        """Move or look so many times."""
        kinds: tuple[Callable[[Random], Awaitable[None]], ...] = (
            *(self._receive, self._issue, self._issue, self._transfer),
            *(self._read_level, self._read_level, self._read_card),
        )
        for _ in range(times):
            await chance.choice(kinds)(chance)

    async def _receive(self, chance: Random) -> None:
        await self._move("receipt", chance.randint(1, _AT_MOST), target=self._goods.here)

    async def _issue(self, chance: Random) -> None:
        await self._move("issue", chance.randint(1, _AT_MOST), source=self._goods.here)

    async def _transfer(self, chance: Random) -> None:
        ends = chance.sample([self._goods.here, self._goods.there], 2)
        await self._move("transfer", 1, *ends)

    async def _move(
        self, type: str, quantity: int, source: str | None = None, target: str | None = None
    ) -> None:
        post = document(type, line(self._item, quantity, source, target))
        began = time.monotonic()
        answer = await post.send_until_done(self._http)
        ended = time.monotonic()
        self.statuses[answer.status_code] += 1
        if answer.status_code == 201:
            [moved] = answer.json()["lines"]
            side, sign = ("from", -1) if source == self._goods.here else ("to", 1)
            change, after = Decimal(sign * quantity), Decimal(moved[f"{side}_after"])
            seq = moved[f"{side}_seq"]
            self.moves.append(Move(began=began, ended=ended, seq=seq, change=change, after=after))
        elif answer.json()["code"] == "insufficient_stock" and source == self._goods.here:
            [fault] = answer.json()["errors"]
            on_hand = Decimal(fault["available"])
            self.readings.append(Reading(began=began, ended=ended, on_hand=on_hand))

    async def _read_level(self, _: Random) -> None:
        await self._read(LEVELS, "on_hand")

    async def _read_card(self, _: Random) -> None:
        await self._read("/v1/stock/moves", "balance", sort="-posted_at", limit=1)

    async def _read(self, path: str, field: str, **query: Any) -> None:
        place = {"item_id": self._item, "location_id": self._goods.here}
        began = time.monotonic()
        answer = await self._http.get(path, params=place | query)
        while answer.status_code == 503:
            answer = await self._http.get(path, params=place | query)
        ended = time.monotonic()
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            rows: list[dict[str, Any]] = answer.json() or [{field: "0", "seq": 0}]
            [seen] = rows
            on_hand, seq = Decimal(seen[field]), seen["seq"]
            self.readings.append(Reading(on_hand=on_hand, seq=seq, began=began, ended=ended))


async def item_history(
    site: Site,
    *,
    clients: int,
    actions: int,
    seed: int,
    workers: int = 2,
    alteration: str | None = None,
) -> Outcome:
    """Have `clients` move one item and look at it, `actions` times each; judge what they saw."""
    business = await site.business()
    async with (
        site.serving(workers=workers, alteration=alteration) as service,
        client(service, business, connections=clients) as http,
    ):
        goods = await Stock.opened(http, items=1)
        seen = _Clients(http, goods)
        await asyncio.gather(
            *(seen.act(actions, Random(seed * 1_000 + number)) for number in range(clients))
        )
    found = violations(seen.moves, seen.readings)
    return Outcome(
        figures={
            "clients": clients,
            "actions": clients * actions,
            "moves": len(seen.moves),
            "readings": len(seen.readings),
            **{f"status_{status}": number for status, number in sorted(seen.statuses.items())},
            "violations": len(found),
            **({"first_violation": found[0]} if found else {}),
        },
        promises={LINEAR: found == [], ANSWERED: {*seen.statuses} <= {200, 201, 409}},
    )
