"""Recorded events in PostgreSQL."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.events import Event
from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.core.infrastructure.database import TENANT, Row, Statement, Transaction
from sokho.core.infrastructure.database.events import Xid8, actors, events
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.modules.audit.domain.entities import RecordedEvent
from sokho.modules.audit.domain.repository import (
    EventFilter,
    RecordedEventRepository,
    RecordedEvents,
)

_KEY: Final = (events.c.xid, events.c.id)

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of changes in one page: the first event comes whatever it weighs, more only within this."""

# Every transaction before this one has ended: no event can appear among those behind it.
_HORIZON = sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot(), type_=Xid8())

_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "type": events.c.type == p("type"),
    "resource_id": events.c.resource_id == p("resource_id"),
    "actor": events.c.actor == p("actor"),
}


_ERASE_ACTOR: Final = Statement(
    sa.delete(actors)
    .where(actors.c.tenant_id == TENANT, actors.c.name == p("actor_name"))
    .returning(actors.c.id)
)


class PostgresRecordedEventRepo(RecordedEventRepository):
    """Events of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def list(
        self,
        filter: EventFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> RecordedEvents:
        values: dict[str, Any] = {
            name: value for name in _CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = _list_statement(
            frozenset(values), descending=descending, resumed=after is not None
        )
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
        fitting = [_to_event(row) for row in rows if row["changes"] is not None]
        return RecordedEvents(fitting, cut_short=len(fitting) < len(rows))


async def erase_actor(transaction: Transaction, name: str) -> bool:
    """Forget who stood behind an id in the events of a tenant; return whether there was one."""
    row = await transaction.fetch_one(_ERASE_ACTOR, actor_name=name)
    if row is not None:
        transaction.record(Event("actor.erased", str(row["id"]), {}))
    return row is not None


@lru_cache
def _list_statement(conditions: frozenset[str], *, descending: bool, resumed: bool) -> Statement:
    order = [column.desc() if descending else column for column in _KEY]
    before = sa.func.sum(events.c.size).over(order_by=order, rows=(None, 0)) - events.c.size
    of = sa.and_(actors.c.tenant_id == TENANT, actors.c.id == events.c.on_behalf_of)
    rows = (
        sa.select(
            *(column for column in events.columns if column.name != "changes"),
            actors.c.name.label("on_behalf_of_name"),
            sa.case((before < MOST_BYTES, events.c.changes)).label("changes"),
        )
        .select_from(events.outerjoin(actors, of))
        .where(
            events.c.tenant_id == TENANT,
            events.c.xid < _HORIZON,
            *(_CONDITIONS[name] for name in sorted(conditions)),
        )
    )
    return keyset_page(
        rows, _KEY, descending=descending, resumed=resumed, planned_once=not conditions
    )


def _to_event(row: Row) -> RecordedEvent:
    return RecordedEvent(
        id=row["id"],
        tenant_id=row["tenant_id"],
        type=row["type"],
        resource_id=row["resource_id"],
        actor=row["actor"],
        on_behalf_of=row["on_behalf_of_name"],
        request_id=row["request_id"],
        changes=row["changes"],
        created_at=row["created_at"],
        xid=row["xid"],
    )
