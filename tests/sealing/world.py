"""A service on a database with a sealed business in it, and a look at that business's rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
from fastapi import FastAPI

from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.conftest import SECRET, client_of, close
from tests.sealing.parties import VERSIONS, Party, word_of
from tests.sealing.stock import stock

Rows = dict[str, list[str]]
"""Whole rows as text, by table."""

_TENANT_TABLES: Final = """
SELECT c.oid::regclass::text AS name, a.attname AS column
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^(pg_|information_schema$)'
  AND a.attname = CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
ORDER BY 1
"""

# Not by PATCH and PUT: without any seal, what is read before it is anybody's.
_SET: Final = "UPDATE tenants SET version = $2, settings = $3 WHERE id = $1"
_LOCK: Final = """
INSERT INTO stock_period_locks (tenant_id, version, locked_before, set_at, actor)
VALUES ($1, $2, '2020-01-01Z', now(), $3)
"""

# Events are shown once no transaction is open that might precede them, in any database.
_ARE_FINAL: Final = """
SELECT coalesce(max(xid) < pg_snapshot_xmin(pg_current_snapshot()), true)
FROM events WHERE tenant_id = $1
"""


class UnseededError(Exception):
    """A tenant table has no row of the sealed business: what is not there cannot leak."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            f"the sealed business has no row in {', '.join(tables)}: "
            "add one to `stock` in tests/sealing/stock.py"
        )


_WRITTEN_COLUMNS: Final = """
SELECT attrelid::regclass::text, string_agg(quote_ident(attname), ', ')
FROM pg_attribute
WHERE attrelid = ANY ($1::regclass[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
GROUP BY attrelid
"""


@dataclass(frozen=True)
class World:
    """A service, and the superuser's look at its database."""

    app: FastAPI
    http: httpx2.AsyncClient
    admin: Connection
    tables: dict[str, str]
    """The column that says whose a row is, by the table's name."""

    async def document(self) -> dict[str, Any]:
        """Return the OpenAPI document that the service shows."""
        read: dict[str, Any] = (await self.http.get("/openapi.json")).json()
        return read

    async def open(self, kind: str) -> Party:
        """Open a business that has rows in every table.

        Raises `UnseededError` when it has none in some table.
        """
        keys = DerivedKeys.from_secret(SECRET)
        word = word_of(kind)
        opened = await open_business(self.app.state.database, keys, f"{word}tenantz")
        party = Party(
            word=word,
            version=VERSIONS[kind],
            tenant_id=opened.tenant.id,
            api_key=opened.api_key,
        )
        await stock(self.http, party)
        settings = {party.text("setting"): party.text("value")}
        await self.admin.execute(_SET, party.tenant_id, party.version, json.dumps(settings))
        await self.admin.execute(_LOCK, party.tenant_id, party.version, party.text("actor"))
        rows = await self.rows_of(party.tenant_id)
        if unseeded := [table for table in rows if not rows[table]]:
            raise UnseededError(unseeded)
        while not await self.admin.fetchval(_ARE_FINAL, party.tenant_id):  # noqa: ASYNC110 - others' transactions tell nobody
            await asyncio.sleep(0.01)
        return party

    async def rows_of(self, tenant_id: UUID) -> Rows:
        """Return everything that a business has in any table, past row-level security."""
        found: Rows = {table: [] for table in self.tables}
        parts = (
            f"SELECT '{table}' AS name, t::text AS row FROM {table} AS t WHERE t.{column} = $1"
            for table, column in self.tables.items()
        )
        for name, row in await self.admin.fetch(" UNION ALL ".join(parts), tenant_id):
            found[name].append(row)
        return {table: sorted(rows) for table, rows in found.items()}

    async def remember(self, party: Party) -> None:
        """Keep a copy of all that a business has, in place of the copy before."""
        await self._for_each_table(
            "DROP TABLE IF EXISTS kept_{table};"
            "CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table} WHERE {column} = '{tenant}'",
            party,
        )

    async def rewind(self, party: Party) -> None:
        """Give a business back what was kept, and nothing else."""
        await self._for_each_table(
            "SET LOCAL session_replication_role = replica;"  # no foreign key and no trigger
            "DELETE FROM {table} WHERE {column} = '{tenant}';"
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table}",
            party,
        )

    async def _for_each_table(self, commands: str, party: Party) -> None:
        listed = await self.admin.fetch(_WRITTEN_COLUMNS, [*self.tables])
        written = {table: columns for table, columns in listed}  # noqa: C416 - they are rows
        await self.admin.execute(
            ";".join(
                commands.format(
                    table=table, column=column, tenant=party.tenant_id, columns=written[table]
                )
                for table, column in self.tables.items()
            )
        )


@asynccontextmanager
async def world_of(app: FastAPI, urls: DatabaseUrls) -> AsyncIterator[World]:
    """Serve `app`, which stands on the database of `urls`."""
    admin = await asyncpg.connect(urls.admin)
    try:
        async with client_of(app) as http:
            yield World(app, http, admin, await tenant_tables(admin))
    finally:
        await admin.close()
        await close(app)


async def tenant_tables(admin: Connection) -> dict[str, str]:
    """Return every table of the catalogue that has a tenant, and the column that says which."""
    return {row["name"]: row["column"] for row in await admin.fetch(_TENANT_TABLES)}
