"""The data of a run of `benchmarks.growth`: businesses of all sizes in one database."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.dataset import SECRET, Tenant, filled_database
from benchmarks.ledger import build
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business

RARE: Final = "hiếm"
"""A tag of few items, however many there are."""

_RARE_ONES: Final = 60
_SMALL: Final = 100
_MOVES_OF_AN_ITEM: Final = 100

_ITEMS: Final = """
INSERT INTO items (tenant_id, id, sku, sku_key, name, description, unit, barcode, status, tags,
                   attributes, version, created_at, updated_at)
SELECT $1, uuidv7(), 'BL-' || n, 'bl-' || n, 'Bu lông lục giác M8×40 số ' || n,
       'Bu lông lục giác ngoài, ren suốt, thép không gỉ', 'cái',
       CASE n WHEN 700 THEN '8934563138172' ELSE '8934563138165' END,
       CASE WHEN n % nullif($5::int, 0) = 7 THEN 'archived' ELSE 'active' END,
       ARRAY['bu lông', CASE WHEN n % nullif($5::int, 0) = 5 THEN $4 ELSE 'inox' END],
       $2::jsonb, 1, at, at
FROM generate_series(1, $3::int) AS n, LATERAL (SELECT now() - n * interval '1 second') AS of (at)
"""
_TAGS: Final = """
INSERT INTO item_tags (tenant_id, tag, item_id)
SELECT tenant_id, unnest(tags), id FROM items WHERE tenant_id = $1
"""
_COPIED: Final = ("tenants", "units", "locations", "api_keys")
"""What every business has from its first moment, in an order that foreign keys allow."""


@dataclass(frozen=True)
class Sizes:
    """How large things are made, each from the smallest to the largest."""

    items: list[int]
    tenants: tuple[int, int]
    pages: list[int]
    moves: list[int]

    @classmethod
    def full(cls) -> "Sizes":
        """Return the sizes that the figures are told of."""
        return cls(
            [1_000, 30_000, 1_000_000],
            (10, 10_000),
            [1, 10, 100, 1_000],
            [10_000, 300_000, 10_000_000],
        )

    @classmethod
    def quick(cls) -> "Sizes":
        """Return sizes that take a minute or two."""
        return cls([1_000, 30_000], (10, 500), [1, 10, 100], [10_000, 200_000])


@dataclass(frozen=True)
class Grown:
    """Two databases, one of few businesses and one of many, and businesses by their size."""

    few_url: str
    many_url: str
    alike: tuple[Tenant, Tenant]
    """A business of the same size in each."""

    by_items: dict[int, Tenant]
    by_moves: dict[int, Tenant]


@contextmanager
def grown(sizes: Sizes) -> Iterator[Grown]:
    """Yield the data, in a PostgreSQL of this run's own that is gone at the end."""
    with filled_database(tenants=0, items=0) as dataset:
        yield asyncio.run(_fill(dataset.urls, sizes))


async def _fill(urls: DatabaseUrls, sizes: Sizes) -> Grown:
    few = DatabaseUrls(*(url.replace("/sokho?", "/few?") for url in urls))
    await _execute(
        urls.admin.replace("/sokho?", "/postgres?"), "CREATE DATABASE few TEMPLATE sokho"
    )
    fewer, more = sizes.tenants
    first = await _Filling(few).tenants(fewer)
    filling = _Filling(urls)
    by_items = {size: await filling.tenant(size, rare=_RARE_ONES) for size in sizes.items}
    by_moves = {}
    for size in sizes.moves:
        tenant = by_moves[size] = await filling.tenant(size // _MOVES_OF_AN_ITEM)
        began = time.monotonic()
        await build(urls, tenant.id, tenant.item_ids, size)
        print(f"{size} moves in {time.monotonic() - began:.0f} s", flush=True)
    second = await filling.tenants(more - len(by_items) - len(by_moves))
    for each in (few, urls):
        await _execute(each.admin, "VACUUM (ANALYZE)", "CHECKPOINT")
    return Grown(few.app, urls.app, (first, second), by_items, by_moves)


class _Filling:
    """Fills one database."""

    def __init__(self, urls: DatabaseUrls) -> None:
        self._urls = urls

    async def tenant(self, items: int, *, rare: int = 0) -> Tenant:
        """Open a business of so many items, of which so many are archived, and as many tagged."""
        database = Database(self._urls.app, pool_size=1)
        admin = await asyncpg.connect(self._urls.admin)
        try:
            opened = await open_business(database, DerivedKeys.from_secret(SECRET), f"Của {items}")
            tenant_id = opened.tenant.id
            attributes = json.dumps({"chất liệu": "inox 304", "đường kính mm": 8})
            every = items // rare if rare else 0
            await admin.execute(_ITEMS, tenant_id, attributes, items, RARE, every)
            await admin.execute(_TAGS, tenant_id)
            rows = await admin.fetch("SELECT id FROM items WHERE tenant_id = $1", tenant_id)
            place = await admin.fetchval("SELECT id FROM locations WHERE tenant_id = $1", tenant_id)
            item_ids = sorted(UUID(bytes=row["id"].bytes) for row in rows)
            return Tenant(tenant_id, opened.api_key, item_ids, UUID(bytes=place.bytes))
        finally:
            await admin.close()
            await database.close()

    async def tenants(self, count: int) -> Tenant:
        """Open so many businesses of a hundred items, and return one; the others are its copies."""
        tenant = await self.tenant(_SMALL)
        admin = await asyncpg.connect(self._urls.admin)
        try:
            # Past the foreign keys: what is copied is sound.
            await admin.execute("SET session_replication_role = replica")
            await admin.execute(
                "CREATE TEMPORARY TABLE copies AS "
                "SELECT gen_random_uuid() AS id FROM generate_series(2, $1::int)",
                count,
            )
            for table in (*_COPIED, "items", "item_tags"):
                await self._copy(admin, table, tenant.id)
        finally:
            await admin.close()
        return tenant

    async def _copy(self, admin: "asyncpg.Connection[Any]", table: str, tenant_id: UUID) -> None:
        key = "id" if table == "tenants" else "tenant_id"
        columns = [
            row["attname"]
            for row in await admin.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass "
                "AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                table,
            )
        ]
        values = ["copies.id" if name == key else f"one.{name}" for name in columns]
        await admin.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM {table} AS one, copies WHERE one.{key} = '{tenant_id}'"
        )


async def _execute(dsn: str, *commands: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for command in commands:
            await connection.execute(command)
    finally:
        await connection.close()
