"""The statements of period locks."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.turns import Turn, taking
from sokho.modules.stock.infrastructure.tables import balances, period_locks

_OURS: Final = period_locks.c.tenant_id == TENANT
_ONE: Final[Any] = sa.literal_column("1")


def latest_lock(column: str, *conditions: Any) -> Any:
    """Return a column of the latest lock, of those that fulfil the conditions."""
    return (
        sa.select(period_locks.c[column])
        .where(_OURS, *conditions)
        .order_by(period_locks.c.version.desc())
        .limit(_ONE)
        .scalar_subquery()
    )


_current = (
    sa.select(*(column for column in period_locks.c if column.name != "tenant_id"))
    .where(_OURS)
    .order_by(period_locks.c.version.desc())
    .limit(_ONE)
)
CURRENT: Final = Statement(_current)

TAKE: Final = taking(Turn.PERIODS)

_last_posted_at = (
    sa.select(sa.func.max(balances.c.posted_at)).where(balances.c.tenant_id == TENANT)
).scalar_subquery()
_row = sa.select(_ONE.label("one")).subquery("one")
_held = _current.subquery("held")
HOLD_LOCK: Final = Statement(
    sa.select(
        _held,
        sa.func.greatest(
            sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)),
            _last_posted_at,
            _held.c.set_at,
        ).label("now"),
    ).select_from(_row.outerjoin(_held, sa.true()))
)
"""The lock, and the time, which is not before that of any document."""

ADD: Final = Statement(
    sa.insert(period_locks).values(
        tenant_id=TENANT,
        **{
            name: p(name, type_=period_locks.c[name].type)
            for name in ("version", "locked_before", "set_at", "actor")
        },
    )
)
