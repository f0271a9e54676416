"""The statements of dates in the past: the sums of months, and the least that was there.

Of each account and month but its latest there is a sum, so that nobody has to read the moves of
years. The latest has none: each document would have to write it.
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.infrastructure.dated_statements import NOTED
from sokho.modules.stock.infrastructure.tables import months, moves

_UUID, _INSTANT = sa.Uuid(), sa.DateTime(timezone=True)
_ZERO: Final[Any] = sa.literal_column("0")

_wanted: Final[Any] = (
    sa.func.unnest(
        p("account_ids", type_=ARRAY(_UUID)),
        p("starts", type_=ARRAY(_INSTANT)),
        p("ends", type_=ARRAY(_INSTANT)),
    )
    .table_valued(
        sa.column("account_id", _UUID),
        sa.column("starts_at", _INSTANT),
        sa.column("ends_at", _INSTANT),
        name="wanted",
    )
    .render_derived()
)


def _leg(side: str, sign: int) -> "sa.Select[Any]":
    """Return the moves of the wanted months on one side of their accounts."""
    seq = moves.c[f"{side}_seq"]
    return (
        sa.select(
            *(_wanted.c[name] for name in ("account_id", "starts_at")),
            moves.c.effective_at,
            seq.label("seq"),
            (moves.c.quantity * sa.literal_column(str(sign))).label("change"),
        )
        .select_from(_wanted.join(moves, moves.c[f"{side}_account"] == _wanted.c.account_id))
        .where(
            moves.c.tenant_id == TENANT,
            seq.is_not(None),
            moves.c.effective_at >= _wanted.c.starts_at,
            moves.c.effective_at < _wanted.c.ends_at,
        )
    )


_legs: Final = sa.union_all(_leg("from", -1), _leg("to", 1)).subquery("legs")

_MONTH: Final = (_legs.c.account_id, _legs.c.starts_at)
_running = sa.select(
    *_MONTH,
    _legs.c.change,
    sa.func.sum(_legs.c.change)
    .over(partition_by=_MONTH, order_by=(_legs.c.effective_at, _legs.c.seq))
    .label("running"),
).subquery("running")
_sums = insert(months).from_select(
    ["tenant_id", "account_id", "starts_at", "change", "lowest"],
    sa.select(
        sa.cast(TENANT, _UUID),
        *(_running.c[name] for name in ("account_id", "starts_at")),
        sa.func.sum(_running.c.change).label("change_"),
        sa.func.min(_running.c.running).label("lowest"),
    ).group_by(_running.c.account_id, _running.c.starts_at),
)
SUM_UP: Final = Statement(
    _sums.on_conflict_do_update(
        index_elements=["tenant_id", "account_id", "starts_at"],
        set_={"change": _sums.excluded.change, "lowest": _sums.excluded.lowest},
    ).add_cte(NOTED),
    of_the_business=False,
)
"""Writes what the moves of months amount to, and the least of it on the way; notes late legs."""

_is_read = (
    sa.select(_wanted.c.account_id)
    .where(_wanted.c.account_id == months.c.account_id, _wanted.c.starts_at == months.c.starts_at)
    .correlate(months)
    .exists()
)
# A move and a month alike: by how much it changes what is there, and the least on the way.
_steps = sa.union_all(
    sa.select(
        _legs.c.account_id,
        _legs.c.effective_at.label("at"),
        _legs.c.seq,
        _legs.c.change,
        _legs.c.change.label("lowest"),
    ),
    sa.select(
        months.c.account_id,
        months.c.starts_at,
        _ZERO,
        months.c.change,
        months.c.lowest,
    ).where(
        months.c.tenant_id == TENANT,
        months.c.account_id == sa.any_(p("account_ids", type_=ARRAY(_UUID))),
        ~_is_read,
    ),
).subquery("steps")
_walk = sa.select(
    _steps.c.account_id,
    _steps.c.at,
    (
        sa.func.sum(_steps.c.change).over(
            partition_by=_steps.c.account_id, order_by=(_steps.c.at, _steps.c.seq)
        )
        - _steps.c.change
        + _steps.c.lowest
    ).label("quantity"),
).subquery("walk")
_lows = (
    sa.select(
        _walk.c.account_id,
        sa.func.min(_walk.c.quantity).label("quantity"),
        sa.func.min(_walk.c.at).filter(_walk.c.quantity < _ZERO).label("short_at"),
    )
    .where(_walk.c.at >= p("since", type_=_INSTANT))
    .group_by(_walk.c.account_id)
)
LOWS: Final = Statement(_lows)
"""The least that accounts have held since a date, and when it first was less than nothing."""

NOTE_AND_LOWS: Final = Statement(_lows.add_cte(NOTED), of_the_business=False)
"""The same, and notes late legs."""


def month_start(instant: Any) -> Any:
    """Return the beginning of the month, in UTC, that an instant falls into."""
    month: Any = sa.literal_column("'month'")
    utc: Any = sa.literal_column("'UTC'")
    return sa.func.date_trunc(month, instant, utc, type_=_INSTANT)


_dated = sa.select(
    _legs.c.account_id,
    month_start(_legs.c.effective_at).label("starts_at"),
    _legs.c.change,
    _legs.c.effective_at,
    _legs.c.seq,
).subquery("dated")
_on_the_way = sa.select(
    *(_dated.c[name] for name in ("account_id", "starts_at", "change")),
    sa.func.sum(_dated.c.change)
    .over(
        partition_by=(_dated.c.account_id, _dated.c.starts_at),
        order_by=(_dated.c.effective_at, _dated.c.seq),
    )
    .label("running"),
).subquery("on_the_way")
_added = (
    sa.select(
        *(_on_the_way.c[name] for name in ("account_id", "starts_at")),
        sa.func.sum(_on_the_way.c.change).label("change"),
        sa.func.min(_on_the_way.c.running).label("lowest"),
    )
    .group_by(_on_the_way.c.account_id, _on_the_way.c.starts_at)
    .subquery("added")
)
_kept = (
    sa.select(*(months.c[name] for name in ("account_id", "starts_at", "change", "lowest")))
    .select_from(
        _wanted.join(
            months,
            sa.and_(
                months.c.account_id == _wanted.c.account_id,
                months.c.starts_at >= _wanted.c.starts_at,
                months.c.starts_at < _wanted.c.ends_at,
            ),
        )
    )
    .where(months.c.tenant_id == TENANT)
    .subquery("kept")
)
DIFFERING: Final = Statement(
    sa.select(sa.func.coalesce(_added.c.account_id, _kept.c.account_id).label("account_id"))
    .select_from(
        _added.outerjoin(
            _kept,
            sa.and_(
                _kept.c.account_id == _added.c.account_id, _kept.c.starts_at == _added.c.starts_at
            ),
            full=True,
        )
    )
    .where(
        ~sa.and_(
            *(_added.c[name].is_not_distinct_from(_kept.c[name]) for name in ("change", "lowest"))
        )
    )
    .distinct()
)
"""The accounts of which a month is not kept as its moves add up, within ranges of months."""

MONTHS: Final = Statement(
    sa.select(months.c.account_id, months.c.starts_at)
    .where(
        months.c.tenant_id == TENANT,
        months.c.account_id == sa.any_(p("account_ids", type_=ARRAY(_UUID))),
    )
    .order_by(months.c.account_id, months.c.starts_at)
)
