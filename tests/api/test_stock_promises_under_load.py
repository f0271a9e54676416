"""Promises of many lines that end amid everything else: no call fails, and it all adds up."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.infrastructure.expiry import expire_reservations
from tests.api.catalogue import an_item_of, id_of
from tests.api.reserved import RESERVATIONS, a_line, act, asked
from tests.api.stocked import TRANSACTIONS, Store, posted, sent
from tests.conftest import Business

FORESEEN: Final = {
    "done",
    "insufficient_stock",
    "stock_reserved",
    "reservation_expired",
    "reservation_closed",
    "temporarily_overloaded",  # on a slow machine
}
SOON: Final = 0.05
_ENDS_IN: Final = """
UPDATE stock_reservations SET expires_at = clock_timestamp() + make_interval(secs => $3)
WHERE tenant_id = $1 AND id = $2 AND state = 'open'
"""


@pytest.fixture
async def admin(urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


class Crowd:
    """Who promises, takes, moves and loses goods of four items at two places, at random."""

    def __init__(self, store: Store, items: list[str], admin: asyncpg.Connection) -> None:
        self.store = store
        self.items = items
        self.seen: Counter[str] = Counter()
        self._admin = admin
        self._chance = random.Random(17)

    async def one(self, turn: int) -> None:
        """Reserve some goods, shorten that, and then do something with it or beside it."""
        store, chance = self.store, self._chance
        places = [store.here, store.there]
        lines = [
            a_line(
                store, str(chance.randint(1, 3)), item_id=item, location_id=chance.choice(places)
            )
            for item in chance.sample(self.items, chance.randint(1, 4))
        ]
        made = await self._note(asked(store.business, *lines))
        if made.status_code == 201:
            id = made.json()["id"]
            soon = chance.choice([0.0, chance.uniform(0, SOON), 600.0])
            await self._admin_turn(id, soon)
            body: dict[str, object] = (
                {"lines": [{"line_no": 1, "quantity": "1"}]} if chance.random() < 0.5 else {}
            )
            action = chance.choice(["confirm", "release", "extend", "leave"])
            if action == "extend":
                body = {"expires_in_seconds": 600}
            if action != "leave":
                await self._note(act(store.business, id, action, body))
        source, target = chance.sample(places, 2)
        kind = ("issue", "transfer", "adjustment")[turn % 3]
        line = store.line(
            str(chance.randint(1, 4)),
            source,
            target if kind == "transfer" else None,
            item_id=chance.choice(self.items),
        )
        more = {"reason": "damage"} if kind == "adjustment" else {}
        await self._note(sent(store.business, kind, line, **more))

    async def _note(self, call: Awaitable[httpx2.Response]) -> httpx2.Response:
        answer = await call
        self.seen["done" if answer.is_success else answer.json()["code"]] += 1
        return answer

    async def _admin_turn(self, id: str, seconds: float) -> None:
        async with _TURN:
            await self._admin.execute(_ENDS_IN, self.store.business.tenant_id, UUID(id), seconds)


_TURN: Final = asyncio.Lock()


async def test_it_all_adds_up(business: Business, app: FastAPI, admin: asyncpg.Connection):
    store = await Store.opened(business)
    items = [store.item_id, *[id_of(await an_item_of(business, f"S{n}")) for n in range(3)]]
    lines = [
        store.line("40", target=place, item_id=item)
        for item in items
        for place in (store.here, store.there)
    ]
    await posted(business, "receipt", *lines)
    crowd = Crowd(store, items, admin)
    sweeps = [expire_reservations(app.state.database, business.tenant_id) for _ in range(4)]
    await asyncio.gather(*(crowd.one(turn) for turn in range(60)), *sweeps)
    await asyncio.sleep(SOON)  # from here on nothing ends
    assert crowd.seen.keys() <= FORESEEN
    assert {"done", "reservation_expired"} <= crowd.seen.keys()

    for item in items:
        proof = await store.http.get(f"/v1/stock/verification?item_id={item}")
        assert proof.json()["findings"] == []
    left = Decimal(40 * len(lines))
    for document in await everything(store, TRANSACTIONS):
        if document["type"] in {"issue", "adjustment"}:
            left -= sum(Decimal(line["base_quantity"]) for line in document["lines"])
    levels = await everything(store, "/v1/stock/levels")
    assert sum(Decimal(row["on_hand"]) for row in levels) == left
    promised: Counter[tuple[str, str]] = Counter()
    states: Counter[str] = Counter()
    for reservation in await everything(store, RESERVATIONS):
        states[reservation["state"]] += 1
        for line in reservation["lines"]:
            if reservation["state"] == "open":
                promised[line["item_id"], line["location_id"]] += int(line["base_quantity"])
    for row in levels:
        assert Decimal(row["reserved"]) == promised[row["item_id"], row["location_id"]]
    assert states.keys() == {"open", "confirmed", "released", "expired"}


async def everything(store: Store, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await store.http.get(f"{path}?limit=500")).json()
    assert len(rows) < 500
    return rows
