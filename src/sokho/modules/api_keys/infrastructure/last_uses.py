"""When each key was last used: noted in memory, written now and then, by nobody's request."""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.infrastructure.database import TENANT, Database, OverloadedError, Statement
from sokho.core.infrastructure.logging import logger
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.infrastructure.tables import api_keys

_GRANULARITY: Final = timedelta(minutes=1)
_WRITE_EVERY_SECONDS: Final = 2.0
_MOST_TENANTS: Final = 10_000

_uses = (
    sa.func.unnest(
        p("ids", type_=ARRAY(sa.Uuid)), p("times", type_=ARRAY(sa.DateTime(timezone=True)))
    )
    .table_valued(
        sa.column("id", sa.Uuid), sa.column("time", sa.DateTime(timezone=True)), name="uses"
    )
    .render_derived()
)
_USED = Statement(
    sa.update(api_keys)
    .where(
        api_keys.c.tenant_id == TENANT,
        api_keys.c.id == _uses.c.id,
        sa.func.coalesce(api_keys.c.last_used_at < _uses.c.time, sa.true()),
    )
    .values(last_used_at=_uses.c.time)
    .returning(api_keys.c.id)
)


class LastUses:
    """Keys that were used since this was last written: to the minute, and not more often."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: defaultdict[UUID, dict[UUID, datetime]] = defaultdict(dict)

    def note(self, key: ApiKey, now: datetime) -> None:
        """Remember that a key was used, if what is stored is a minute old."""
        is_old = key.last_used_at is None or now - key.last_used_at >= _GRANULARITY
        has_room = key.tenant_id in self._used or len(self._used) < _MOST_TENANTS
        if is_old and has_room:
            self._used[key.tenant_id][key.id] = now

    async def write(self) -> None:
        """Store what was noted, tenant by tenant; raises `OverloadedError`, and forgets nothing."""
        for tenant_id in list(self._used):
            used = self._used.pop(tenant_id)  # what is noted from now on is for the next time
            try:
                async with self._database.transaction(tenant_id) as transaction:
                    await transaction.fetch_all(_USED, ids=[*used], times=[*used.values()])
            except BaseException:
                self._used[tenant_id] = used | self._used[tenant_id]
                raise

    async def keep_writing(self) -> None:
        """Store what was noted every few seconds, until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(_WRITE_EVERY_SECONDS)
                await self._try_to_write()
        finally:
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        try:
            await self.write()
        except (OverloadedError, asyncpg.PostgresError) as error:
            logger.warning(
                "the last uses of keys could not be written; trying again",
                reason=type(error).__name__,
            )
