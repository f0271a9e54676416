"""The limit of Python: bare ASGI over the driver, with as few round trips as there can be.

No framework, no routing table, no authentication, no validation, no log, no errors to
speak of: nobody should serve this. It tells how much of a request is not Sokho's to save.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import asyncpg
import msgspec

from benchmarks.peers.raw_statements import (
    CARD,
    CREATE,
    FILTER,
    GET,
    LEVELS,
    LIST,
    MOVE,
    PATCH,
    UPSERT,
)

_POOL_SIZE: Final = int(os.environ["BENCHMARK_POOL_SIZE"])
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_START: Final = UUID(int=0)
_ATTRIBUTES: Final = 9  # the column of an item that is JSON already


class _New(msgspec.Struct):
    sku: str
    name: str
    attributes: msgspec.Raw
    description: str | None = None
    unit: str = "cái"
    barcode: str | None = None
    tags: list[str] = []

    def arguments(self) -> tuple[object, ...]:
        of_item = (self.name, self.description, self.unit, self.barcode, self.tags)
        return (uuid4(), self.sku, self.sku.casefold(), *of_item, bytes(self.attributes).decode())


class _Change(msgspec.Struct):
    name: str


class _Batch(msgspec.Struct):
    items: list[_New]


class _Line(msgspec.Struct):
    item_id: UUID
    from_location_id: UUID
    quantity: str


class _Document(msgspec.Struct):
    type: str
    lines: list[_Line]


_NEW: Final = msgspec.json.Decoder(_New)
_CHANGE: Final = msgspec.json.Decoder(_Change)
_BATCH: Final = msgspec.json.Decoder(_Batch)
_DOCUMENT: Final = msgspec.json.Decoder(_Document)
_free: Final[asyncio.LifoQueue[Any]] = asyncio.LifoQueue()

Answer = tuple[int, bytes]
Query = Mapping[str, list[str]]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one ASGI connection."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    headers = dict(scope["headers"])
    tenant_id = UUID(headers[b"x-tenant-id"].decode())
    method, path = scope["method"], scope["path"]
    if method == "GET":
        query = parse_qs(scope["query_string"].decode())
        status, body = (
            await _READS[path](tenant_id, query)
            if query
            else await _get(tenant_id, UUID(path.rpartition("/")[2]))
        )
    elif method == "POST":
        status, body = await _WRITES[path](tenant_id, await _whole(receive))
    else:
        version = int(headers[b"if-match"].strip(b'"'))
        item_id = UUID(path.rpartition("/")[2])
        status, body = await _patch(tenant_id, item_id, version, await _whole(receive))
    told = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def _get(tenant_id: UUID, item_id: UUID) -> Answer:
    rows = await _fetch(GET, tenant_id, item_id)
    return 200, _ENCODER.encode(_item(rows[0]))


async def _list(tenant_id: UUID, query: Query) -> Answer:
    after, limit = UUID(query["after"][0]) if "after" in query else _START, int(query["limit"][0])
    if "status" in query:
        rows = await _fetch(FILTER, tenant_id, after, limit, query["status"][0])
    else:
        rows = await _fetch(LIST, tenant_id, after, limit)
    return 200, _ENCODER.encode([_item(row) for row in rows])


async def _create(tenant_id: UUID, body: bytes) -> Answer:
    rows = await _fetch(CREATE, tenant_id, *_NEW.decode(body).arguments())
    return 201, _ENCODER.encode(_item(rows[0]))


async def _patch(tenant_id: UUID, item_id: UUID, version: int, body: bytes) -> Answer:
    rows = await _write(tenant_id, PATCH, item_id, version, _CHANGE.decode(body).name)
    return (200, _ENCODER.encode(_item(rows[0]))) if rows else (412, b"{}")


async def _batch(tenant_id: UUID, body: bytes) -> Answer:
    # An array of arrays would have to be a rectangle, so tags travel as JSON.
    rows = [one.arguments() for one in _BATCH.decode(body).items]
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[7] = [_ENCODER.encode(tags).decode() for tags in columns[7]]
    ids = await _write(tenant_id, UPSERT, tenant_id, *columns)
    return 200, _ENCODER.encode({"ids": [row["id"] for row in ids]})


async def _move(tenant_id: UUID, body: bytes) -> Answer:
    document = _DOCUMENT.decode(body)
    (line,) = document.lines
    rows = await _write(
        *(tenant_id, MOVE, tenant_id, uuid4(), line.item_id, line.from_location_id),
        int(line.quantity),
    )
    return (201, _ENCODER.encode({**rows[0], "type": document.type})) if rows else (409, b"{}")


async def _levels(tenant_id: UUID, query: Query) -> Answer:
    after = UUID(query["after"][0]) if "after" in query else _START
    place, limit = UUID(query["location_id"][0]), int(query["limit"][0])
    rows = await _fetch(LEVELS, tenant_id, place, after, limit)
    return 200, _ENCODER.encode([dict(row) for row in rows])


async def _card(tenant_id: UUID, query: Query) -> Answer:
    item_id, place = UUID(query["item_id"][0]), UUID(query["location_id"][0])
    rows = await _fetch(CARD, tenant_id, item_id, place, int(query["limit"][0]))
    return 200, _ENCODER.encode([dict(row) for row in rows])


_READS: Final[Mapping[str, Callable[[UUID, Query], Awaitable[Answer]]]] = {
    "/v1/items": _list,
    "/v1/stock/levels": _levels,
    "/v1/stock/moves": _card,
}
_WRITES: Final[Mapping[str, Callable[[UUID, bytes], Awaitable[Answer]]]] = {
    "/v1/items": _create,
    "/v1/items/batch": _batch,
    "/v1/stock/transactions": _move,
}


async def _whole(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message["body"])
        if not message.get("more_body"):
            return body


class _Item(msgspec.Struct):
    id: UUID
    tenant_id: UUID
    sku: str
    name: str
    description: str | None
    unit: str
    barcode: str | None
    status: str
    tags: list[str]
    attributes: msgspec.Raw
    version: int
    created_at: Any
    updated_at: Any


def _item(row: Any) -> _Item:
    values = [*row]
    values[_ATTRIBUTES] = msgspec.Raw(values[_ATTRIBUTES].encode())
    return _Item(*values)


async def _fetch(statement: str, *arguments: object) -> list[Any]:
    """Run a statement that binds the tenant itself."""
    connection = await _free.get()
    rows: list[Any] = await connection.fetch(statement, *arguments)
    _free.put_nowait(connection)
    return rows


async def _write(tenant_id: UUID, statement: str, *arguments: object) -> list[Any]:
    """Run a statement for which the tenant is bound along with BEGIN: an UPDATE cannot do it."""
    connection = await _free.get()
    bind = f"SELECT set_config('app.current_tenant', '{tenant_id}', true)"  # a UUID, no text
    await connection.execute(f"BEGIN; {bind}")
    rows: list[Any] = await connection.fetch(statement, *arguments)
    await connection.execute("COMMIT")
    _free.put_nowait(connection)
    return rows


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    for _ in range(_POOL_SIZE):
        _free.put_nowait(await asyncpg.connect(os.environ["BENCHMARK_DATABASE_URL"]))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    while not _free.empty():
        await _free.get_nowait().close()
    await send({"type": "lifespan.shutdown.complete"})
