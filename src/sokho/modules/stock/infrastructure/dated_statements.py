"""What was there by the documents' dates, without adding up moves (ADR 0057).

The moves of an account stand in two orders: by number, in which each keeps what it left, and by
date. Where both agree the balance is there to be read. A move is *late* where another of a later
date was posted before it, and a row of `stock_late_legs` tells so; the others have, by number,
dates that never fall. So all numbers below that of the first move behind a date which is not late
(`next_seq`) are of that date or before, and what was there before it (`next_before`) lacks nothing
but late moves of a higher number.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT
from sokho.modules.stock.infrastructure.tables import late_legs, moves

_UUID, _BIG, _INSTANT = sa.Uuid(), sa.BigInteger(), sa.DateTime(timezone=True)
_QUANTITY: Final = sa.Numeric(20, 6)
_ONE: Final[Any] = sa.literal_column("1")

SIGNS: Final = {"from": -1, "to": 1}
"""By its side of a move, whether an account gives or gets."""


class Next(NamedTuple):
    """The first move at or behind a place in the order of an account's moves by date."""

    sides: tuple[Any, ...]
    """What is to be joined laterally for it: the first on each side of the account, if any."""

    seq: Any
    """Its number, NULL where there is none."""

    before: Any
    """What was there before it, in the order of numbers."""

    def joined_to(self, source: Any) -> Any:
        """Return `source` with what is to be joined."""
        for side in self.sides:
            source = source.outerjoin(side, sa.true())
        return source


def next_by_date(account_id: Any, is_behind: Callable[[Any], Any], name: str) -> Next:
    """Return the first move of an account whose date is one that `is_behind`."""
    given, got = (
        _first(moves.alias(f"{name}_{side}"), side, account_id, is_behind).lateral(f"{name}_{side}")
        for side in SIGNS
    )
    comes_first = sa.tuple_(*_place(given)) < sa.tuple_(*_place(got))
    seq, before = (
        sa.case(
            (got.c.seq.is_(None), given.c[name]), (comes_first, given.c[name]), else_=got.c[name]
        )
        for name in ("seq", "before")
    )
    return Next((given, got), seq, before)


def _place(leg: Any) -> Any:
    return leg.c.effective_at, leg.c.seq


def _first(
    leg: Any, side: str, account_id: Any, is_behind: Callable[[Any], Any]
) -> "sa.Select[Any]":
    seq = leg.c[f"{side}_seq"]
    change = leg.c.quantity * sa.literal_column(str(SIGNS[side]))
    return (
        sa.select(
            leg.c.effective_at, seq.label("seq"), (leg.c[f"{side}_after"] - change).label("before")
        )
        .where(leg.c.tenant_id == TENANT, leg.c[f"{side}_account"] == account_id)
        .where(seq.is_not(None), is_behind(leg.c.effective_at))
        .order_by(leg.c.effective_at, seq)
        .limit(_ONE)
        .correlate_except(leg)
    )


def _past_late(account_id: Any, next: Next, name: str) -> Next:
    """Return, for the next move, the first one from it on that is not late.

    Nothing is to be looked for: where the next is late itself it keeps that, which never changes.
    """
    leg = late_legs.alias(f"{name}_leg")
    late = (
        sa.select(leg.c.next_seq, leg.c.next_before)
        .where(leg.c.tenant_id == TENANT, leg.c.account_id == account_id, leg.c.seq == next.seq)
        .limit(_ONE)
        .correlate_except(leg)
        .lateral(name)
    )
    return Next(
        (*next.sides, late),
        sa.func.coalesce(late.c.next_seq, next.seq),
        sa.func.coalesce(late.c.next_before, next.before),
    )


def balance_before(account_id: Any, next: Next, place: Any, number: Any) -> "sa.ColumnElement[Any]":
    """Return what an account held before a `place` in the order of its moves by date.

    That is a date, and the number of a move; `next` is the first move from there on, and the
    result means nothing where there is none.

    What was there before the next move lacks what was posted later and is dated before: late legs
    all, and most accounts have none. Else the function of migration 0015 knows.
    """
    late = late_legs.alias("late")
    is_overtaken = (
        sa.exists()
        .where(late.c.tenant_id == TENANT, late.c.account_id == account_id, late.c.seq >= next.seq)
        .correlate_except(late)
    )
    reckoned = sa.func.stock_balance_by_date(
        *(TENANT, account_id, next.seq, next.before, place, number), type_=_QUANTITY
    )
    return sa.case((is_overtaken, reckoned), else_=next.before)


_given: Final[Any] = (
    sa.func.unnest(
        p("late_account_id", type_=ARRAY(_UUID)),
        p("late_seq", type_=ARRAY(_BIG)),
        p("late_effective_at", type_=ARRAY(_INSTANT)),
        p("late_latest_at", type_=ARRAY(_INSTANT)),
        p("late_change", type_=ARRAY(_QUANTITY)),
    )
    .table_valued(
        sa.column("account_id", _UUID),
        sa.column("seq", _BIG),
        sa.column("effective_at", _INSTANT),
        sa.column("latest_at", _INSTANT),
        sa.column("change", _QUANTITY),
        name="given",
    )
    .render_derived()
)
_next = _past_late(
    _given.c.account_id,
    next_by_date(_given.c.account_id, lambda at: at > _given.c.effective_at, "next"),
    "past",
)
NOTED: Final = (
    insert(late_legs)
    .from_select(
        [column.name for column in late_legs.c],
        sa.select(
            sa.cast(TENANT, _UUID),
            *_given.c,
            _next.seq.label("next_seq"),
            _next.before.label("next_before"),
        ).select_from(_next.joined_to(_given)),
    )
    .cte("noted")
)
"""Notes late legs: part of a statement that is run behind the moves of their document."""
