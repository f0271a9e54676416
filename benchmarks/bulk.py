"""Twenty thousand items by the service's batches, beside what PostgreSQL takes by COPY."""

import asyncio
import json
import time
from http.client import HTTPConnection
from io import BytesIO
from itertools import count
from typing import Final

import asyncpg

from benchmarks.dataset import Dataset, Tenant
from benchmarks.load import Measurement
from benchmarks.operations import BATCH_ROWS, ITEMS, NEW
from benchmarks.rounds import Results, Turn, take_turns
from benchmarks.servers import Contender, running, sokho
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

OPERATION: Final = "20 000 new items"
BATCHES: Final = "batches over HTTP"
COPY: Final = "COPY and INSERT … SELECT"

_ITEMS: Final = 20_000
_HEADERS: Final = {"Content-Type": "application/json"}
_COLUMNS: Final = ("sku", "sku_key", "name", "unit", "barcode", "attributes")
_INCOMING: Final = (
    "CREATE TEMPORARY TABLE incoming (sku text, sku_key text, name text, unit text, barcode text, "
    "attributes jsonb) ON COMMIT DROP"
)
_TAKE: Final = """
INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, barcode, status, tags, attributes,
                   version, created_at, updated_at)
SELECT $1, uuidv7(), sku, sku_key, name, unit, barcode, 'active', '{}', attributes, 1, now(), now()
FROM incoming
"""

_numbers: Final = count(1)


def compare(dataset: Dataset, urls: DatabaseUrls, *, rounds: int, items: int = _ITEMS) -> Results:
    """Measure items a second: by requests of 1 000, one after another, and by COPY.

    Both send what was written out before, as the same role, into the same sealed table.
    """
    tenant = dataset.tenants[0]
    with running(sokho(BATCHES, dataset, urls=urls), dataset.folder) as server:

        def by_batches() -> Measurement:
            return _by_batches(server.contender, tenant, items)

        def by_copy() -> Measurement:
            return asyncio.run(_by_copy(urls.app, tenant, items))

        contestants: dict[str, Turn] = {BATCHES: by_batches, COPY: by_copy}
        for warm_up in contestants.values():
            warm_up()
        return take_turns(dataset, OPERATION, contestants, rounds)


def _by_batches(contender: Contender, tenant: Tenant, items: int) -> Measurement:
    rows = _rows(items)
    bodies = [
        _json({"items": rows[start : start + BATCH_ROWS]}).encode()
        for start in range(0, items, BATCH_ROWS)
    ]
    headers = {**_HEADERS, **dict([contender.credentials(tenant)])}
    connection = HTTPConnection("127.0.0.1", contender.port)
    began = time.perf_counter()
    for body in bodies:
        connection.request("POST", f"{ITEMS}/batch", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if told.get("created") != body.count(b'"sku"'):
            raise SystemExit(f"{contender.name}: {answer.status} {str(told)[:300]}")
    elapsed = time.perf_counter() - began
    connection.close()
    return Measurement(items / elapsed)


async def _by_copy(dsn: str, tenant: Tenant, items: int) -> Measurement:
    rows = [
        {**row, "sku_key": str(row["sku"]).casefold(), "attributes": _json(row["attributes"])}
        for row in _rows(items)
    ]
    text = "".join("\t".join(str(row[name]) for name in _COLUMNS) + "\n" for row in rows).encode()
    connection = await asyncpg.connect(dsn)
    try:
        began = time.perf_counter()
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('app.current_tenant', $1, true)", str(tenant.id)
            )
            await connection.execute(_INCOMING)
            await connection.copy_to_table("incoming", source=BytesIO(text), columns=_COLUMNS)
            await connection.execute(_TAKE, tenant.id)
        return Measurement(items / (time.perf_counter() - began))
    finally:
        await connection.close()


def _rows(items: int) -> list[dict[str, object]]:
    return [{**NEW, "sku": f"LO-{next(_numbers)}"} for _ in range(items)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
