"""POSTs that clients send again: with one ``Idempotency-Key``, or recklessly without."""

import asyncio
from typing import Any, Final, NamedTuple, TypeAlias

import httpx2

from tests.reliability.sites import Business, Site

REPLAYED: Final = "Idempotent-Replayed"
KEY: Final = "Idempotency-Key"

_ITEM: Final = "/v1/items"
_API_KEY: Final = "/v1/api-keys"
_REPEATED: Final = ("Content-Type", "Location", "ETag")
"""Headers that a replay has as the first answer had them."""


class Post(NamedTuple):
    """A request that makes something; made twice, an API key is there twice."""

    key: str | None
    path: str
    body: dict[str, Any]

    @classmethod
    def number(cls, number: int, *, with_key: bool = True) -> "Post":
        """Return the POST of this number: items and API keys in turn."""
        key = f"key-{number}" if with_key else None
        if number % 2:
            return cls(key, _ITEM, {"sku": f"S{number}", "name": "Vở ô ly"})
        return cls(key, _API_KEY, {"name": f"S{number}", "role": "viewer"})

    @property
    def commits(self) -> bytes | None:
        """A value of the statement that is its whole transaction, where it is of one."""
        alone = self.key is None and self.path == _ITEM
        return self.body["name"].encode() if alone else None

    @property
    def name(self) -> str:
        """What is there afterwards, once."""
        name: str = self.body.get("sku") or self.body["name"]
        return name

    async def send(self, http: httpx2.AsyncClient) -> httpx2.Response:
        """Send it once."""
        headers = {} if self.key is None else {KEY: self.key}
        return await http.post(self.path, json=self.body, headers=headers)

    async def send_until_done(self, http: httpx2.AsyncClient) -> httpx2.Response:
        """Send it until it is answered with more than “later”, as any client may."""
        while True:
            try:
                answer = await self.send(http)
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            if answer.status_code != 503 and not is_in_use(answer):
                return answer
            await asyncio.sleep(0.02)


Answered: TypeAlias = tuple[Post, httpx2.Response]


def is_in_use(answer: httpx2.Response) -> bool:
    """Whether another request with the same key is under way."""
    return answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_use"


def content(answer: httpx2.Response) -> tuple[object, ...]:
    """Return what a replay has in common with the first answer, byte by byte."""
    headers = (answer.headers.get(name) for name in _REPEATED)
    return (answer.status_code, answer.content, *headers)


async def effects(site: Site, business: Business) -> dict[str, int]:
    """Return how often each thing that `Post`s make is there, by its name or SKU."""
    rows = await site.fetch(
        "SELECT name, count(*) FROM (SELECT sku AS name FROM items WHERE tenant_id = $1"
        " UNION ALL SELECT name FROM api_keys WHERE tenant_id = $1) AS made"
        " WHERE name LIKE 'S%' GROUP BY name",
        business.tenant_id,
    )
    return {row["name"]: row["count"] for row in rows}
