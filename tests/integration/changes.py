"""Changes of a business, and events, for tests of how the two go together."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.events import Event
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.events import events
from sokho.modules.tenants.infrastructure.tables import tenants

OPEN: Final = Statement(
    sa.insert(tenants).values(id=p("id"), name="x", state="active", created_at=sa.func.now())
)
RENAME: Final = Statement(sa.update(tenants).where(tenants.c.id == TENANT).values(name=p("name")))
READ: Final = Statement(sa.select(tenants.c.name).where(tenants.c.id == TENANT))
COUNT: Final = Statement(
    sa.select(sa.func.count()).select_from(events).where(events.c.tenant_id == TENANT)
)
WHICH: Final = Statement(
    sa.select(
        sa.cast(sa.func.pg_current_xact_id(), sa.Text).label("xid"),
        sa.func.now().label("began"),
        TENANT.label("tenant"),
    )
)

HAPPENED: Final = Event("thing.happened", "a/b", {"name": {"before": None, "after": "é\u2028"}})
AGAIN: Final = Event("thing.happened_again", None, {})
