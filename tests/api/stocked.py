"""What tests of stock do first: goods, places, and documents posted over HTTP."""

import asyncio
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import httpx2

from tests.api.catalogue import a_location_of, an_item_of, id_of
from tests.conftest import Business

TRANSACTIONS: Final = "/v1/stock/transactions"

Line = dict[str, Any]


async def sent(
    business: Business, type: str, *lines: Line, key: str | None = None, **fields: Any
) -> httpx2.Response:
    """Post a document, with a key of its own if none is given, and return the answer."""
    body = {"type": type, "lines": [*lines]} | fields
    return await _patiently(business, TRANSACTIONS, body, key or str(uuid4()))


async def posted(business: Business, type: str, *lines: Line, **fields: Any) -> Any:
    """Post a document that is taken, and return what it became."""
    answer = await sent(business, type, *lines, **fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def reversed_(business: Business, transaction_id: str, **fields: Any) -> httpx2.Response:
    """Ask for the reversal of a document, and return the answer."""
    path = f"{TRANSACTIONS}/{transaction_id}/reverse"
    return await _patiently(business, path, fields, str(uuid4()))


async def _patiently(business: Business, path: str, body: Line, key: str) -> httpx2.Response:
    """Send a request, and again with its key while the service is too busy on a slow machine."""
    headers = {"Idempotency-Key": key}
    while True:
        answer = await business.http.post(path, json=body, headers=headers)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            return answer
        await asyncio.sleep(0.2)


class Store:
    """A business with two places and an item, told in pieces and in cases of twelve."""

    def __init__(self, business: Business, item_id: str, here: str, there: str) -> None:
        self.business = business
        self.http = business.http
        self.item_id = item_id
        self.here = here
        self.there = there

    @classmethod
    async def opened(cls, business: Business, **item: Any) -> "Store":
        """Put the item and the places into a business."""
        url = await an_item_of(business, **item)
        made = await business.http.put(f"{url}/conversions/thùng", json={"numerator": 12})
        assert made.status_code == 201
        places = [id_of(await a_location_of(business, code)) for code in ("A", "B")]
        return cls(business, id_of(url), *places)

    def line(
        self, quantity: str, source: str | None = None, target: str | None = None, **fields: Any
    ) -> Line:
        """Return a line of the item, from and to where told."""
        given = {"item_id": self.item_id, "quantity": quantity} | fields
        sides = {"from_location_id": source, "to_location_id": target}
        return given | {name: id for name, id in sides.items() if id is not None}

    async def receive(self, quantity: str, **fields: Any) -> Any:
        """Receive some here."""
        return await posted(
            self.business, "receipt", self.line(quantity, target=self.here), **fields
        )

    async def issue(self, quantity: str, **fields: Any) -> httpx2.Response:
        """Ask for some to be issued from here, and return the answer."""
        return await sent(self.business, "issue", self.line(quantity, self.here), **fields)

    async def transfer(self, quantity: str, **fields: Any) -> httpx2.Response:
        """Ask for some to be moved from here to there, and return the answer."""
        line = self.line(quantity, self.here, self.there)
        return await sent(self.business, "transfer", line, **fields)

    async def levels(self, query: str = "") -> dict[tuple[str, str], str]:
        """Return what is there, by item and location."""
        answer = await self.http.get(f"/v1/stock/levels?limit=500&{query}".rstrip("&"))
        assert answer.status_code == 200, answer.text
        return {(row["item_id"], row["location_id"]): row["on_hand"] for row in answer.json()}

    async def on_hand(self, location_id: str | None = None) -> str | None:
        """Return what is there of the item, here or elsewhere."""
        return (await self.levels()).get((self.item_id, location_id or self.here))
