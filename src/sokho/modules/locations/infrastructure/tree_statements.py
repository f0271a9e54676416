"""The statements on the tree of locations: take turns, and look up and down from one."""

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.turns import Turn, taking
from sokho.modules.locations.domain.entities import LEVELS, LocationStatus
from sokho.modules.locations.infrastructure.tables import locations

TAKE_TURN = taking(Turn.LOCATION_TREE)

_this = sa.and_(locations.c.tenant_id == TENANT, locations.c.id == p("id"))

# Both walks end after so many levels as there may be, whatever stands in the rows.
_above = sa.select(locations, sa.literal(1).label("level")).where(_this).cte(recursive=True)
_parent = locations.alias("parent")
_above = _above.union_all(
    sa.select(_parent, _above.c.level + 1).where(
        _parent.c.tenant_id == TENANT,
        _parent.c.id == _above.c.parent_id,
        _above.c.level < LEVELS,
    )
)
LINEAGE = Statement(sa.select(_above).order_by(_above.c.level))

_below = sa.select(locations.c.id, sa.literal(0).label("level")).where(_this).cte(recursive=True)
_child = locations.alias("child")
_below = _below.union_all(
    sa.select(_child.c.id, _below.c.level + 1).where(
        _child.c.tenant_id == TENANT,
        _child.c.parent_id == _below.c.id,
        _below.c.level < LEVELS,
    )
)
LEVELS_BELOW = Statement(sa.select(sa.func.max(_below.c.level).label("levels")))

ACTIVE_BELOW = Statement(
    sa.select(locations.c.id)
    .where(
        locations.c.tenant_id == TENANT,
        locations.c.parent_id == p("id"),
        locations.c.status == LocationStatus.ACTIVE.value,
    )
    .limit(1)
)
