"""Clients that write without end, and remember what they were told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx2

from tests.reliability.told import Told, batch
from tests.reliability.waiting import until

ITEMS: Final = "/v1/items"
ANY_VERSION: Final = {"If-Match": "*"}


class Writers:
    """Clients of one business that create, write batches and change: a third of each."""

    def __init__(self) -> None:
        self.told = Told()
        self.acknowledged = 0
        self.refused = 0
        """Answered 503, or not at all: what was asked for may have been done or not."""
        self.unexpected = 0
        self._clients = 0
        self._over = False

    def start(self, http: httpx2.AsyncClient, clients: int) -> "asyncio.Future[list[None]]":
        """Begin with `clients`."""
        self._clients = clients
        kinds = (self._create, self._write_batches, self._change)
        return asyncio.gather(*(kinds[n % 3](http, f"{n:03}") for n in range(clients)))

    async def go_on(self) -> None:
        """Wait until as many more writes are acknowledged as there are clients."""
        goal = self.acknowledged + self._clients

        async def acknowledged() -> bool:
            return self.acknowledged >= goal

        await until(acknowledged)

    async def stop(self, writing: "asyncio.Future[list[None]]") -> None:
        """Let every client finish what it is about."""
        self._over = True
        await writing

    async def _create(self, http: httpx2.AsyncClient, name: str) -> None:
        async def create(number: int) -> None:
            sku = f"C{name}-{number}"
            body = {"sku": sku, "name": "Giấy A4", "description": "x" * 200}
            if await self._is_done(http.post(ITEMS, json=body)):
                self.told.created.add(sku)

        await self._repeat(create)

    async def _write_batches(self, http: httpx2.AsyncClient, name: str) -> None:
        async def write(number: int) -> None:
            prefix = f"B{name}-{number}"
            self.told.batches[prefix] = False
            sent = http.post(f"{ITEMS}/batch", json={"items": batch(prefix)})
            self.told.batches[prefix] = await self._is_done(sent)

        await self._repeat(write)

    async def _change(self, http: httpx2.AsyncClient, name: str) -> None:
        sku = f"P{name}"
        made = await http.post(ITEMS, json={"sku": sku, "name": "Thước kẻ"})
        assert made.status_code == 201, made.text
        url = made.headers["location"]
        self.told.changes[sku] = -1

        async def change(number: int) -> None:
            body = {"description": str(number)}
            if await self._is_done(http.patch(url, json=body, headers=ANY_VERSION)):
                self.told.changes[sku] = number

        await self._repeat(change)

    async def _repeat(self, write: Callable[[int], Awaitable[None]]) -> None:
        number = 0
        while not self._over:
            await write(number)
            number += 1

    async def _is_done(self, answer: Awaitable[httpx2.Response]) -> bool:
        """Return whether the write was acknowledged; after a refusal, take a breath."""
        try:
            status = (await answer).status_code
        except httpx2.TransportError:
            status = 503
        if 200 <= status < 300:
            self.acknowledged += 1
            return True
        self.refused += status == 503
        self.unexpected += status != 503
        await asyncio.sleep(0.02)
        return False
