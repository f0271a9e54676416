"""The table of events, and how an event is written: inside the statement of its change."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import UserDefinedType

from sokho.core.infrastructure.database.schema import metadata
from sokho.core.infrastructure.database.statements import TENANT, Statement, insertion


class Xid8(UserDefinedType[int]):
    """The number of a transaction: PostgreSQL's 64-bit xid8."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name in SQL."""
        return "xid8"


events = sa.Table(
    "events",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("xid", Xid8, primary_key=True, server_default=sa.text("pg_current_xact_id()")),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("resource_id", sa.Text),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("on_behalf_of", sa.Uuid),
    sa.Column("request_id", sa.Uuid),
    sa.Column("changes", JSONB, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column(
        "size",
        sa.Integer,
        sa.Computed("octet_length(changes::text)", persisted=True),
        nullable=False,
    ),
    sa.Index(None, "tenant_id", "resource_id", "xid", "id"),
)

# For whom a key acted, as its program calls them: the one place where that stands, so that it
# can be erased. Events carry the id.
actors = sa.Table(
    "actors",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant_id", "name"),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="name"),
)

_record = insertion(
    events,
    {
        "tenant_id": TENANT,
        "id": p("event_id"),
        "type": p("event_type"),
        "resource_id": p("event_resource_id"),
        "actor": p("event_actor"),
        "on_behalf_of": p("event_on_behalf_of"),
        "request_id": p("event_request_id"),
        "changes": p("event_changes"),
        "created_at": sa.func.now(),
    },
)
RECORD: Final = Statement(_record.returning(events.c.id))
_RECORDED: Final = _record.cte("recorded")

_known = sa.select(actors.c.id).where(
    actors.c.tenant_id == TENANT, actors.c.name == p("actor_name")
)
FIND_ACTOR: Final = Statement(_known)
ADD_ACTOR: Final = Statement(
    insert(actors)
    .values(tenant_id=TENANT, id=p("actor_id"), name=p("actor_name"))
    .on_conflict_do_nothing()
    .returning(actors.c.id)
)


@cache
def recording(statement: Statement) -> Statement:
    """Return a change that writes an event as well, in the same round trip."""
    clause: Any = statement.clause
    return Statement(clause.add_cte(_RECORDED))
