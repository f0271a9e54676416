"""Readers that follow the log of events: as the service's own does, and as one better does not."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.database import TENANT, Database, Statement
from sokho.core.infrastructure.database.events import events
from sokho.modules.audit.domain.repository import EventFilter
from sokho.modules.audit.infrastructure.postgres_repo import PostgresRecordedEventRepo

Page = Sequence[tuple[Position, str]]
"""Where each event stands, and its type."""

ANY: Final = EventFilter()
_LIMIT: Final = 3


class Follower(ABC):
    """Reads on from the last event that it has seen, page by page."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._after: Position | None = None
        self.seen: list[str] = []

    async def catch_up(self) -> list[str]:
        """Read all there is by now; return the types of what is new."""
        before = len(self.seen)
        while await self.turn_page():
            pass
        return self.seen[before:]

    async def turn_page(self) -> bool:
        """Read one page; return whether anything was there."""
        page = await self._page(self._after)
        for position, type in page:
            self._after = position
            self.seen.append(type)
        return bool(page)

    @abstractmethod
    async def _page(self, after: Position | None) -> Page: ...


class Reader(Follower):
    """Follows as ``/v1/audit-events`` is read."""

    def __init__(self, database: Database, tenant_id: UUID, *, descending: bool = False) -> None:
        super().__init__(database, tenant_id)
        self._descending = descending

    async def _page(self, after: Position | None) -> Page:
        async with self._database.transaction(self._tenant_id, read_only=True) as transaction:
            found = await PostgresRecordedEventRepo(transaction).list(
                ANY, _LIMIT, descending=self._descending, after=after
            )
        return [((event.xid, event.id), event.type) for event in found.events]


class Careless(Follower):
    """Follows by some order of its own, and believes whatever is committed by now."""

    def __init__(self, database: Database, tenant_id: UUID, *key: sa.Column[Any]) -> None:
        super().__init__(database, tenant_id)
        self._names = [column.name for column in key]
        ours = sa.select(events).where(events.c.tenant_id == TENANT).order_by(*key).limit(_LIMIT)
        there = sa.tuple_(*(p(f"after_{c.name}", type_=c.type) for c in key))
        self._first = Statement(ours)
        self._next = Statement(ours.where(sa.tuple_(*key) > there))

    async def _page(self, after: Position | None) -> Page:
        async with self._database.transaction(self._tenant_id, read_only=True) as transaction:
            if after is None:
                rows = await transaction.fetch_all(self._first)
            else:
                names = (f"after_{name}" for name in self._names)
                rows = await transaction.fetch_all(
                    self._next, **dict(zip(names, after, strict=True))
                )
        return [(tuple(row[name] for name in self._names), row["type"]) for row in rows]


CARELESS: Final = {
    "position without a horizon": (events.c.xid, events.c.id),
    "id": (events.c.id,),
    "created_at": (events.c.created_at, events.c.id),
}
