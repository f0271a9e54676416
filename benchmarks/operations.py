"""The operations under load, and the requests that ask each contender for them."""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import httpx2

from benchmarks.dataset import ATTRIBUTES, CARD_MOVES, Dataset, Tenant
from benchmarks.servers import Contender

PAGE: Final = 50
BATCH_ROWS: Final = 1_000
GET: Final = "get by id"
LIST: Final = f"list of {PAGE}"
FILTER: Final = f"filtered list of {PAGE}"
CREATE: Final = "create"
PATCH: Final = "patch"
BATCH: Final = f"batch of {BATCH_ROWS}"
MOVE: Final = "one-line movement"
HOT_ALONE: Final = "movement of one SKU, 1 client"
HOT: Final = "movement of one SKU, 64 clients"
LEVELS: Final = "level list"
CARD: Final = "stock card"

CONNECTIONS: Final[Mapping[str, int]] = {
    **dict.fromkeys((GET, LIST, FILTER, CREATE, PATCH), 32),
    MOVE: 32,
    HOT_ALONE: 1,
    HOT: 64,
    LEVELS: 32,
    CARD: 32,
    BATCH: 2,
}
"""Every operation, with the connections that ask for it; the batch leaves most behind it."""

STOCK: Final = frozenset({MOVE, HOT_ALONE, HOT, LEVELS, CARD})
"""The operations that only who keeps stock has."""

ITEMS: Final = "/v1/items"
MOVEMENTS: Final = "/v1/stock/transactions"
_LEVELS: Final = "/v1/stock/levels"
_CARD: Final = "/v1/stock/moves"

NEW: Final = {
    "sku": "NEW-{n}",
    "name": "Bu lông lục giác M8×40 inox 304",
    "unit": "cái",
    "barcode": "8934563138165",
    "attributes": ATTRIBUTES,
}

_AS_JSON: Final = {"Content-Type": "application/json"}
_SOME: Final = 100  # how many of its items are asked for, at most
_OF_THE_LARGE: Final = 1_000
_PAGES_OF_A_TENANT: Final = 4
_BATCHES: Final = 20
_STOCKED: Final = 200
_PLENTY: Final = "1000000000"
_VERSIONS: Final = "SELECT tenant_id, id, version FROM items WHERE version > 1"

Versions = Mapping[tuple[UUID, UUID], int]
"""By tenant and item, of those that have changed."""


@dataclass(frozen=True)
class Request:
    """A request to be sent over and over.

    In the body and in the values of headers, ``{n}`` stands for a number that does not come
    again and ``{v}`` for the version, which grows each time.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    version: int = 0

    @property
    def line(self) -> str:
        """The request as `replay.lua` reads it."""
        told = (part for header in self.headers.items() for part in header)
        return "\t".join([self.method, self.path, self.body, str(self.version), *told])


class Asking:
    """Makes the requests of one business to one contender."""

    def __init__(
        self, contender: Contender, tenant: Tenant, client: httpx2.Client, versions: Versions
    ) -> None:
        self._contender = contender
        self._tenant = tenant
        self._client = client
        self._versions = versions
        self._headers = dict([contender.credentials(tenant)])
        self._chance = random.Random(tenant.id.int)
        self._stocked = stocked(tenant)

    def items(self) -> Iterator[Request]:
        """Ask for items by their ids."""
        of_the_large = len(self._tenant.item_ids) > BATCH_ROWS
        for id in self._some(self._tenant.item_ids, _OF_THE_LARGE if of_the_large else _SOME):
            yield self._reading(f"{ITEMS}/{id}")

    def pages(self) -> Iterator[Request]:
        """Ask for pages from behind a key."""
        return self._pages(ITEMS, {}, self._tenant.item_ids)

    def filtered(self) -> Iterator[Request]:
        """Ask for the first page of archived items."""
        yield self._reading(f"{ITEMS}?{urlencode({'limit': PAGE, 'status': 'archived'})}")

    def new(self) -> Iterator[Request]:
        """Add an item with a barcode and attributes."""
        yield self._sending("POST", ITEMS, NEW)

    def changes(self) -> Iterator[Request]:
        """Change an item's name, where it has the version that was read last."""
        for id in self._some(self._tenant.active_ids, _SOME):
            yield self._sending(
                *("PATCH", f"{ITEMS}/{id}", {"name": "Bu lông lục giác M8×40, lần {n}"}),
                {"If-Match": '"{v}"', "Content-Type": "application/merge-patch+json"},
                self._versions.get((self._tenant.id, id), 1),
            )

    def batches(self) -> Iterator[Request]:
        """Change a thousand items by their SKUs."""
        rows = [
            {**NEW, "sku": f"BL-{number}", "name": f"Bu lông số {number}, lần {{n}}"}
            for number in range(1, 1 + min(BATCH_ROWS, len(self._tenant.item_ids)))
        ]
        yield self._sending("POST", f"{ITEMS}/batch", {"items": rows})

    def issues(self) -> Iterator[Request]:
        """Take one piece of an item from the warehouse."""
        return (self._issue(id) for id in self._some(self._stocked[2:], _SOME))

    def issues_of_one(self) -> Iterator[Request]:
        """Take one piece from the warehouse, of one item always."""
        yield self._issue(self._stocked[1])

    def levels(self) -> Iterator[Request]:
        """Ask for what is in the warehouse."""
        at = {"location_id": str(self._tenant.location_id)}
        return self._pages(_LEVELS, at, self._stocked)

    def card(self) -> Iterator[Request]:
        """Ask for the first lines of an item's card."""
        query = {
            "item_id": self._tenant.item_ids[0],
            "location_id": self._tenant.location_id,
            "limit": PAGE,
        }
        yield self._reading(f"{_CARD}?{urlencode(query)}")

    def _some(self, ids: list[UUID], most: int) -> list[UUID]:
        return self._chance.sample(ids, min(most, len(ids)))

    def _reading(self, path: str) -> Request:
        return Request("GET", path, self._headers)

    def _sending(
        self,
        method: str,
        path: str,
        body: object,
        headers: Mapping[str, str] = _AS_JSON,
        version: int = 0,
    ) -> Request:
        told = {**_AS_JSON, **headers, **self._headers}
        return Request(method, path, told, json.dumps(body, ensure_ascii=False), version)

    def _issue(self, id: UUID) -> Request:
        place = str(self._tenant.location_id)
        line = {"item_id": str(id), "quantity": "1", "from_location_id": place}
        document = {"type": "issue", "lines": [line]}
        return self._sending("POST", MOVEMENTS, document, {"Idempotency-Key": "bench-{n}"})

    def _pages(self, path: str, query: dict[str, str], ids: list[UUID]) -> Iterator[Request]:
        """Ask for pages as the contender has them: the first is read where its answer tells."""
        first = {**query, "limit": str(PAGE)}
        following = f"{path}?{urlencode(first)}"
        for number in range(1, 1 + min(_PAGES_OF_A_TENANT, len(ids) // PAGE - 1)):
            match self._contender.paging:
                case "after":
                    query = {**first, "after": str(ids[number * PAGE - 1])}
                    yield self._reading(f"{path}?{urlencode(query)}")
                case "skip":
                    yield self._reading(f"{path}?{urlencode({**first, 'skip': number * PAGE})}")
                case "link" | "next" as told:
                    answer = self._client.get(following, headers=self._headers).raise_for_status()
                    where = answer.links["next"]["url"] if told == "link" else answer.json()["next"]
                    following = where.removeprefix(self._contender.url)
                    yield self._reading(following)


_REQUESTS: Final[Mapping[str, Callable[[Asking], Iterable[Request]]]] = {
    GET: Asking.items,
    LIST: Asking.pages,
    FILTER: Asking.filtered,
    CREATE: Asking.new,
    PATCH: Asking.changes,
    BATCH: Asking.batches,
    MOVE: Asking.issues,
    HOT_ALONE: Asking.issues_of_one,
    HOT: Asking.issues_of_one,
    LEVELS: Asking.levels,
    CARD: Asking.card,
}


def write_requests(operation: str, contender: Contender, dataset: Dataset) -> Path:
    """Write an operation's requests to a file, and see that the first of them is answered.

    Changes name the versions of now, so theirs are to be written before each turn. Raises
    `SystemExit` where the answer is none, or has not the rows that it should.
    """
    tenants = dataset.all_tenants
    if operation in {HOT, HOT_ALONE}:
        tenants = tenants[:1]
    elif operation == BATCH:
        tenants = dataset.tenants[:_BATCHES]
    versions = asyncio.run(_versions(dataset)) if operation == PATCH else {}
    with httpx2.Client(base_url=contender.url, timeout=30) as client:
        asked = [
            request
            for tenant in tenants
            for request in _REQUESTS[operation](Asking(contender, tenant, client, versions))
        ]
        if asked[0].method == "GET":
            _try(client, asked[0])
    random.Random(0).shuffle(asked)
    file = dataset.folder / f"{contender.port}-{operation.replace(' ', '-')}.requests"
    file.write_text("".join(f"{request.line}\n" for request in asked), "utf-8")
    return file


def stocked(tenant: Tenant) -> list[UUID]:
    """Return the items that a business keeps in its warehouse, in order."""
    return tenant.active_ids[:_STOCKED]


def receive(contender: Contender, dataset: Dataset) -> None:
    """Post stock by the service's own API: what no load uses up, and a card with many lines."""
    with httpx2.Client(base_url=contender.url, timeout=30) as client:
        for tenant in dataset.all_tenants:
            place = str(tenant.location_id)
            plenty = {"quantity": _PLENTY, "to_location_id": place}
            piece = {"quantity": "1", "from_location_id": place}
            first = {"item_id": str(tenant.item_ids[0])}
            documents = {
                "receipt": [{"item_id": str(id), **plenty} for id in stocked(tenant)],
                # Of each a piece, so that its accounts are open when the load comes.
                "issue": [{"item_id": str(id), **piece} for id in stocked(tenant)]
                + [{**first, **piece}] * CARD_MOVES,
            }
            for type, lines in documents.items():
                headers = dict([contender.credentials(tenant), ("Idempotency-Key", type)])
                body = {"type": type, "lines": lines}
                client.post(MOVEMENTS, json=body, headers=headers).raise_for_status()


async def _versions(dataset: Dataset) -> Versions:
    admin = await asyncpg.connect(dataset.urls.admin)
    try:
        rows = await admin.fetch(_VERSIONS)
    finally:
        await admin.close()
    return {(UUID(bytes=row[0].bytes), UUID(bytes=row[1].bytes)): row[2] for row in rows}


def _try(client: httpx2.Client, request: Request) -> None:
    answer = client.get(request.path, headers=dict(request.headers))
    shown = f"{client.base_url}{request.path}: {answer.status_code} {answer.text[:300]}"
    if answer.is_error:
        raise SystemExit(shown)
    found: Any = answer.json()
    rows = found if isinstance(found, list) else found.get("results", found.get("data", []))
    if "limit=" in request.path and not rows:
        raise SystemExit(f"no rows: {shown}")
