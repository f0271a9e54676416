"""The limit of Python: bare ASGI over the driver, each operation one round trip.

No framework, no routing table, no authentication, no validation, no log, no errors to
speak of: nobody should serve this. It tells how much of a request is not Sokho's to save.
"""

import asyncio
import os
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import asyncpg
import msgspec

_COLUMNS: Final = (
    "id, tenant_id, sku, name, description, unit, barcode, status, tags, attributes, version, "
    "created_at, updated_at"
)
_BIND: Final = "set_config('app.current_tenant', $1::uuid::text, true)"
_BOUND: Final = f"SELECT answer.* FROM {_BIND} AS bound(tenant) CROSS JOIN LATERAL "
_GET: Final = (
    f"{_BOUND} (SELECT {_COLUMNS} FROM items "
    "WHERE tenant_id = bound.tenant::uuid AND id = $2 OFFSET 0) AS answer"
)
_LIST: Final = (
    f"{_BOUND} (SELECT {_COLUMNS} FROM items "
    "WHERE tenant_id = bound.tenant::uuid AND id > $2 ORDER BY id LIMIT $3 OFFSET 0) AS answer"
)
_CREATE: Final = (
    f"WITH bound AS MATERIALIZED (SELECT {_BIND} AS tenant) "
    "INSERT INTO items (tenant_id, id, sku, sku_key, name, description, unit, barcode, status,"
    " tags, attributes, version, created_at, updated_at) "
    "SELECT tenant::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text,"
    " 'active', $9::text[], $10::jsonb, 1, now(), now() FROM bound "
    f"RETURNING {_COLUMNS}"
)
_ATTRIBUTES: Final = 9  # the column that is JSON already
_POOL_SIZE: Final = 10
_PREFIX: Final = "/v1/items"
_ENCODER: Final = msgspec.json.Encoder()


class _New(msgspec.Struct):
    sku: str
    name: str
    attributes: msgspec.Raw
    description: str | None = None
    unit: str = "cái"
    barcode: str | None = None
    tags: list[str] = []


_NEW: Final = msgspec.json.Decoder(_New)
_free: Final[asyncio.LifoQueue[Any]] = asyncio.LifoQueue()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one ASGI connection."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    tenant = next(value for name, value in scope["headers"] if name == b"x-tenant-id")
    tenant_id = UUID(tenant.decode())
    item_id = scope["path"][len(_PREFIX) + 1 :]
    status = 200
    body: bytes
    if scope["method"] == "POST":
        new = _NEW.decode((await receive())["body"])
        rows = await _fetch(
            _CREATE,
            tenant_id,
            uuid4(),
            new.sku,
            new.sku.casefold(),
            new.name,
            new.description,
            new.unit,
            new.barcode,
            new.tags,
            bytes(new.attributes).decode(),
        )
        status, body = 201, _ENCODER.encode(_item(rows[0]))
    elif item_id:
        rows = await _fetch(_GET, tenant_id, UUID(item_id))
        body = _ENCODER.encode(_item(rows[0]))
    else:
        query = parse_qs(scope["query_string"].decode())
        rows = await _fetch(_LIST, tenant_id, UUID(query["after"][0]), int(query["limit"][0]))
        body = _ENCODER.encode([_item(row) for row in rows])
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
    created_at: datetime
    updated_at: datetime


def _item(row: Any) -> _Item:
    values = [*row]
    values[_ATTRIBUTES] = msgspec.Raw(values[_ATTRIBUTES].encode())
    return _Item(*values)


async def _fetch(statement: str, *arguments: object) -> list[Any]:
    connection = await _free.get()
    rows: list[Any] = await connection.fetch(statement, *arguments)
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
