"""Goods, places and documents of the runs on stock."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx2

from tests.reliability.posts import Post

TRANSACTIONS: Final = "/v1/stock/transactions"
LEVELS: Final = "/v1/stock/levels"
RESERVATIONS: Final = "/v1/stock/reservations"
COUNTS: Final = "/v1/stock/counts"
PERIOD_LOCK: Final = "/v1/stock/period-lock"

Line = dict[str, Any]


@dataclass(frozen=True)
class Stock:
    """Items that are counted in pieces, and two places, by their ids."""

    items: list[str]
    here: str
    there: str

    @classmethod
    async def opened(cls, http: httpx2.AsyncClient, *, items: int) -> "Stock":
        """Make them for the business of `http`."""
        places = ({"code": code, "name": code, "kind": "warehouse"} for code in ("A", "B"))
        here, there = [await _made(http, "/v1/locations", place) for place in places]
        goods = ({"sku": f"S{n}", "name": "Gạo"} for n in range(items))
        return cls([await _made(http, "/v1/items", item) for item in goods], here, there)

    async def receive(self, http: httpx2.AsyncClient, quantity: int, *places: str) -> None:
        """Receive so much of each item at these places."""
        lines = [line(item, quantity, target=place) for place in places for item in self.items]
        answer = await document("receipt", *lines).send_until_done(http)
        assert answer.status_code == 201, answer.text


def line(item: str, quantity: int, source: str | None = None, target: str | None = None) -> Line:
    """Return one line of a document."""
    sides = {"from_location_id": source, "to_location_id": target}
    given = {"item_id": item, "quantity": str(quantity)}
    return given | {name: id for name, id in sides.items() if id is not None}


def document(type: str, *lines: Line, **fields: Any) -> Post:
    """Return a document to be posted, with a key of its own."""
    return Post(str(uuid4()), TRANSACTIONS, {"type": type, "lines": [*lines]} | fields)


def reservation(item: str, quantity: int, place: str) -> Post:
    """Return a reservation of an item for an hour."""
    wanted = {"item_id": item, "quantity": str(quantity), "location_id": place}
    return Post(str(uuid4()), RESERVATIONS, {"expires_in_seconds": 3600, "lines": [wanted]})


def confirmation(id: str) -> Post:
    """Return what makes an issue of a reservation."""
    return Post(str(uuid4()), f"{RESERVATIONS}/{id}/confirm", {})


async def take_stock(http: httpx2.AsyncClient, place: str) -> bool:
    """Count one piece more of each item at a place than the books say; return whether it did."""
    opened = await Post(str(uuid4()), COUNTS, {"location_id": place}).send_until_done(http)
    count = f"{COUNTS}/{opened.json()['id']}"
    sheet = (await http.get(f"{count}/lines?limit=500")).json()
    counted = [
        {"item_id": each["item_id"], "quantity": str(int(each["expected"]) + 1)} for each in sheet
    ]
    entered = await Post(str(uuid4()), f"{count}/lines", {"lines": counted}).send_until_done(http)
    posted = await Post(str(uuid4()), f"{count}/post", {}).send_until_done(http)
    return (opened.is_success, entered.is_success, posted.is_success) == (True, True, True)


async def _made(http: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answer = await http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
