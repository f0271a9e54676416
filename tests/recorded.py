"""The log of events as it stands: also what no reader is shown yet."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from sokho.core.infrastructure.database import TENANT, Database, Row, Statement
from sokho.core.infrastructure.database.events import actors, events

_ALL: Final = Statement(
    sa.select(events, actors.c.name.label("name"))
    .select_from(
        events.outerjoin(
            actors, sa.and_(actors.c.tenant_id == TENANT, actors.c.id == events.c.on_behalf_of)
        )
    )
    .where(events.c.tenant_id == TENANT)
    .order_by(events.c.xid, events.c.id)
)
_ACTORS: Final = Statement(sa.select(actors).where(actors.c.tenant_id == TENANT))


class Recorded:
    """The events of one tenant; each look tells of what came since the last one."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._seen: set[UUID] = set()

    async def all(self) -> list[Row]:
        """Return every event that is committed, by transaction and id."""
        async with self._database.transaction(self._tenant_id, read_only=True) as transaction:
            return await transaction.fetch_all(_ALL)

    async def new(self) -> list[Row]:
        """Return the events that have come since the last call."""
        found = [row for row in await self.all() if row["id"] not in self._seen]
        self._seen |= {row["id"] for row in found}
        return found

    async def actors(self) -> dict[Any, str]:
        """Return who is known by which id."""
        async with self._database.transaction(self._tenant_id, read_only=True) as transaction:
            return {row["id"]: row["name"] for row in await transaction.fetch_all(_ACTORS)}
