"""Work that is due now and then, done once however many processes could do it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from sokho.core.infrastructure.database.database import Database
from sokho.core.infrastructure.database.pool import OverloadedError
from sokho.core.infrastructure.database.schema import metadata
from sokho.core.infrastructure.logging import logger

_LOOK_EVERY_SECONDS: Final = 60.0
_TENANTS_AT_ONCE: Final = 500
_MOST_FAILURES: Final = 3

# No business's: the worker's role alone reaches it.
chores = sa.Table(
    "chores",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
)

# Whoever moves the time is the one to do it; the time is the database's. Whoever dies on the
# way leaves the rest for the next time.
_BEGIN: Final = """
INSERT INTO chores AS c (name, begun_at) VALUES ($1, now())
ON CONFLICT (name) DO UPDATE SET begun_at = now() WHERE c.begun_at <= now() - $2::interval
RETURNING true
"""
_TENANTS: Final = "SELECT id FROM tenants WHERE id > $1 ORDER BY id LIMIT $2"


@dataclass(frozen=True, slots=True)
class Chore:
    """What is to be done for every business, one after the other, and how often."""

    name: str
    every: timedelta
    work: Callable[[Database, UUID], Awaitable[object]]


class Housekeeping:
    """Does each chore when it is due, unless another process has begun it already.

    `worker` sees which businesses exist; the work is done on `database`, bound to one at a time.
    """

    def __init__(
        self,
        database: Database,
        worker: Database,
        *chores: Chore,
        look_every: float = _LOOK_EVERY_SECONDS,
    ) -> None:
        self._database = database
        self._worker = worker
        self._chores = chores
        self._look_every = look_every

    async def keep_going(self) -> None:
        """Look for what is due about every minute, until cancelled."""
        while True:
            # Not all processes at the same moment, though they were started together.
            await asyncio.sleep(random.uniform(0.5, 1) * self._look_every)  # noqa: S311 - no secret
            try:
                await self.do_what_is_due()
            except Exception:  # noqa: BLE001 - whatever it was: there is always a next time
                logger.warning("housekeeping was interrupted", exc_info=True)

    async def do_what_is_due(self) -> None:
        """Do every chore that is due; one business in the way is left for the next time.

        Raises `OverloadedError` when the database is away.
        """
        for chore in self._chores:
            if await self._begin(chore):
                await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        failures = 0
        async for tenant_id in self._tenants():
            try:
                await chore.work(self._database, tenant_id)
            except (OverloadedError, asyncpg.PostgresError):
                failures += 1
                if failures == _MOST_FAILURES:
                    raise  # it is not this one business
                logger.warning("a chore is left for later", chore=chore.name, tenant=str(tenant_id))
            else:
                failures = 0

    async def _begin(self, chore: Chore) -> bool:
        async with self._worker.unbound() as connection:
            return bool(await connection.fetchval(_BEGIN, chore.name, chore.every))

    async def _tenants(self) -> AsyncIterator[UUID]:
        last = UUID(int=0)
        while True:
            async with self._worker.unbound() as connection:
                rows = await connection.fetch(_TENANTS, last, _TENANTS_AT_ONCE)
            for row in rows:
                yield row["id"]
            if len(rows) < _TENANTS_AT_ONCE:
                return
            last = rows[-1]["id"]
