"""The database under test: businesses opened as the program opens them, items by plain SQL."""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business

SECRET: Final = "a secret for benchmarks, and for nothing else"

_ATTRIBUTES: Final = {"chất liệu": "inox 304", "đường kính mm": 8}

_NAIVE_STOCK: Final = Path(__file__).parent / "peers" / "stock.sql"

_LOCATION: Final = "SELECT id FROM locations WHERE tenant_id = $1 AND code = 'KHO'"

_FILL: Final = """
INSERT INTO items (tenant_id, id, sku, sku_key, name, description, unit, barcode, status, tags,
                   attributes, version, created_at, updated_at)
SELECT $1, uuidv7(), 'BL-' || n, 'bl-' || n, 'Bu lông lục giác M8×40 số ' || n,
       'Bu lông lục giác ngoài, ren suốt, thép không gỉ', 'cái', '8934563138165', 'active',
       ARRAY['bu lông', 'inox'], $2::jsonb, 1, now(), now()
FROM generate_series(1, $3::int) AS n
"""


@dataclass(frozen=True)
class Tenant:
    """A business, the key that Sokho asks for, and its items in order."""

    id: UUID
    api_key: str
    item_ids: list[UUID]
    location_id: UUID


@dataclass(frozen=True)
class Dataset:
    """A filled database."""

    urls: DatabaseUrls
    folder: Path
    tenants: list[Tenant]


@contextmanager
def filled_database(*, tenants: int, items: int) -> Iterator[Dataset]:
    """Yield a PostgreSQL of this run's own, with Sokho's own settings, and remove it at the end."""
    for name in [name for name in os.environ if name.startswith("SOKHO_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="sokho-bench-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)  # as root the server is another user, who must get in
        postgres = EmbeddedPostgres(folder / "database")
        urls = postgres.start()
        try:
            migrate(admin_dsn=urls.admin, app_dsn=urls.app, worker_dsn=urls.worker)
            yield Dataset(urls, folder, asyncio.run(_fill(urls, tenants, items)))
        finally:
            postgres.stop()


async def _fill(urls: DatabaseUrls, tenants: int, items: int) -> list[Tenant]:
    keys = DerivedKeys.from_secret(SECRET)
    database = Database(urls.app, pool_size=1)
    admin = await asyncpg.connect(urls.admin)
    filled = []
    try:
        for number in range(tenants):
            opened = await open_business(database, keys, f"Cửa hàng {number}")
            tenant_id = opened.tenant.id
            await admin.execute(_FILL, tenant_id, json.dumps(_ATTRIBUTES), items)
            rows = await admin.fetch("SELECT id FROM items WHERE tenant_id = $1", tenant_id)
            item_ids = sorted(UUID(bytes=row["id"].bytes) for row in rows)
            place = await admin.fetchval(_LOCATION, tenant_id)
            location_id = UUID(bytes=place.bytes)
            filled.append(Tenant(tenant_id, opened.api_key, item_ids, location_id))
        await admin.execute(
            "INSERT INTO item_tags (tenant_id, tag, item_id) "
            "SELECT tenant_id, unnest(tags), id FROM items"
        )
        await admin.execute(_NAIVE_STOCK.read_text("utf-8"))
        # Of a table that is told to be empty PostgreSQL believes it until it has grown a while.
        await admin.execute("VACUUM ANALYZE items, item_tags, naive_levels")
    finally:
        await admin.close()
        await database.close()
    return filled
