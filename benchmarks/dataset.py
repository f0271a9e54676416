"""The database under test: businesses opened as the program opens them, items by plain SQL.

Ids are counted, so that a script of pgbench, which has numbers alone, can name a row by chance.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import BusinessOpening

SECRET: Final = "a secret for benchmarks, and for nothing else"

ARCHIVED_EVERY: Final = 10
"""One item in so many is archived: what the filtered list looks for."""

CARD_MOVES: Final = 200
"""Moves on the stock card of the first item of each business that keeps stock."""

ATTRIBUTES: Final = {"chất liệu": "inox 304", "đường kính mm": 8}

_TENANT: Final = UUID("019a0000-0000-7000-8000-000000000000")
_ITEM: Final = UUID("019b0000-0000-7000-8000-000000000000")
_LOCATION: Final = UUID("019c0000-0000-7000-8000-000000000000")

_NAIVE_STOCK: Final = Path(__file__).parent / "peers" / "stock.sql"

_QUIET_LOOKS: Final = 2
_SECONDS_BETWEEN_LOOKS: Final = 0.05
_IS_BUSY: Final = """
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE backend_type = 'client backend' AND state <> 'idle'
                 AND pid <> pg_backend_pid())
"""

_FILL: Final = """
INSERT INTO items (tenant_id, id, sku, sku_key, name, description, unit, barcode, status, tags,
                   attributes, version, created_at, updated_at)
SELECT $1, ('019b0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'BL-' || n, 'bl-' || n,
       'Bu lông lục giác M8×40 số ' || n, 'Bu lông lục giác ngoài, ren suốt, thép không gỉ', 'cái',
       '8934563138165', CASE WHEN n % $4 = 0 THEN 'archived' ELSE 'active' END,
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

    @property
    def active_ids(self) -> list[UUID]:
        """Its items that may be moved, in order."""
        return [id for n, id in enumerate(self.item_ids, start=1) if n % ARCHIVED_EVERY]


@dataclass(frozen=True)
class Dataset:
    """A filled database."""

    urls: DatabaseUrls
    folder: Path
    tenants: list[Tenant]
    large: Tenant | None = None
    """A business with far more items than the others."""
    postmaster: int = field(default=0, kw_only=True)
    """The process of PostgreSQL that all of its others come from."""

    @property
    def all_tenants(self) -> list[Tenant]:
        """The large one, where there is one, comes last."""
        return [*self.tenants, *filter(None, [self.large])]


@contextmanager
def filled_database(*, tenants: int, items: int, large: int = 0) -> Iterator[Dataset]:
    """Yield a PostgreSQL of this run's own, with Sokho's own settings, and remove it at the end.

    There are so many `tenants` with so many `items` each, and one more with `large` items.
    """
    for name in [name for name in os.environ if name.startswith("SOKHO_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="sokho-bench-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)  # as root the server is another user, who must get in
        postgres = EmbeddedPostgres(folder / "database")
        urls = postgres.start()
        try:
            migrate(admin_dsn=urls.admin, app_dsn=urls.app, worker_dsn=urls.worker)
            sizes = [items] * tenants + [large] * (large > 0)
            filled = asyncio.run(_fill(urls, sizes))
            big = filled.pop() if large else None
            yield Dataset(urls, folder, filled, big, postmaster=postgres.status().pid or 0)
        finally:
            postgres.stop()


async def keep_stock(dataset: Dataset) -> None:
    """Give the peers their own tables of stock, with as much as Sokho has."""
    admin = await asyncpg.connect(dataset.urls.admin)
    try:
        await admin.execute(_NAIVE_STOCK.read_text("utf-8"))
        await admin.execute(
            "INSERT INTO naive_levels SELECT items.tenant_id, items.id, locations.id, 1000000000 "
            "FROM items JOIN locations USING (tenant_id)"
        )
        for tenant in dataset.all_tenants:
            await admin.execute(
                "WITH made AS (INSERT INTO naive_documents "
                "SELECT $1, gen_random_uuid(), 'issue', NULL, now() RETURNING id) "
                "INSERT INTO naive_lines SELECT $1, gen_random_uuid(), made.id, $2, $3, 1 "
                "FROM made, generate_series(1, $4::int)",
                *(tenant.id, tenant.item_ids[0], tenant.location_id, CARD_MOVES),
            )
        await admin.execute("VACUUM ANALYZE")
        await admin.execute("CHECKPOINT")  # so that there is log to be written over, as in use
    finally:
        await admin.close()


async def settle(dataset: Dataset) -> None:
    """Wait until PostgreSQL has nothing more to do for anybody.

    When a load ends, its servers still work on what they were asked last; who comes next would
    wait for the same rows.
    """
    admin = await asyncpg.connect(dataset.urls.admin)
    try:
        quiet = 0
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            quiet = 0 if await admin.fetchval(_IS_BUSY) else quiet + 1
    finally:
        await admin.close()


async def copied(dataset: Dataset, name: str) -> DatabaseUrls:
    """Copy the database, which nobody may be using, file by file; return the copy's addresses."""
    admin = await asyncpg.connect(dataset.urls.admin, database="postgres")
    try:
        original = dataset.urls.app.partition("?")[0].rpartition("/")[2]
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {original} STRATEGY file_copy")
    finally:
        await admin.close()
    return DatabaseUrls(*(url.replace(f"/{original}?", f"/{name}?") for url in dataset.urls))


async def _fill(urls: DatabaseUrls, sizes: list[int]) -> list[Tenant]:
    keys = DerivedKeys.from_secret(SECRET)
    database = Database(urls.app, pool_size=1)
    admin = await asyncpg.connect(urls.admin)
    try:
        filled = [
            await _open(database, admin, keys, number, items)
            for number, items in enumerate(sizes, start=1)
        ]
        await admin.execute(
            "INSERT INTO item_tags (tenant_id, tag, item_id) "
            "SELECT tenant_id, unnest(tags), id FROM items"
        )
        # Of a table that is told to be empty PostgreSQL believes it until it has grown a while.
        await admin.execute("VACUUM ANALYZE")
    finally:
        await admin.close()
        await database.close()
    return filled


async def _open(
    database: Database, admin: Any, keys: DerivedKeys, number: int, items: int
) -> Tenant:
    tenant_id, location_id = _counted(_TENANT, number), _counted(_LOCATION, number)
    async with database.transaction(tenant_id) as transaction:
        opened = await BusinessOpening(keys, transaction).open(f"Cửa hàng {number}")
    await admin.execute("UPDATE locations SET id = $2 WHERE tenant_id = $1", tenant_id, location_id)
    await admin.execute(_FILL, tenant_id, json.dumps(ATTRIBUTES), items, ARCHIVED_EVERY)
    item_ids = [_counted(_ITEM, n) for n in range(1, items + 1)]
    return Tenant(tenant_id, opened.api_key, item_ids, location_id)


def _counted(first: UUID, number: int) -> UUID:
    return UUID(int=first.int + number)
