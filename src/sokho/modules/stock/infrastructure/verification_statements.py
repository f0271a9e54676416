"""The statements that look for what breaks an invariant, a page of the ledger at a time."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.infrastructure.backdating_statements import month_start
from sokho.modules.stock.infrastructure.dated_statements import SIGNS
from sokho.modules.stock.infrastructure.period_statements import latest_lock
from sokho.modules.stock.infrastructure.reservation_statements import promised_on
from sokho.modules.stock.infrastructure.tables import (
    accounts,
    balances,
    late_legs,
    months,
    moves,
    period_locks,
    transactions,
)

_UUID, _BIG = sa.Uuid(), sa.BigInteger()
_LOWEST: Final[Any] = sa.literal_column(str(1 - 2**63))
_PAGE: Final[Any] = sa.literal_column("200")  # of documents: of 500 lines at most each


def _is_place(account: Any) -> Any:
    return account.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'")


def _last_seq(side: str) -> Any:
    """Return the number of the last move of an account on one side."""
    seq = moves.c[f"{side}_seq"]
    last = (
        sa.select(seq)
        .where(moves.c.tenant_id == TENANT, moves.c[f"{side}_account"] == accounts.c.id)
        .where(seq.is_not(None))
        .order_by(seq.desc())
        .limit(sa.literal_column("1"))
        .correlate(accounts)
        .scalar_subquery()
    )
    return sa.func.coalesce(last, 0)


def _last_date(side: str) -> Any:
    """Return the latest date of the moves of an account on one side."""
    leg = moves.alias(f"dated_{side}")
    return (
        sa.select(leg.c.effective_at)
        .where(leg.c.tenant_id == TENANT, leg.c[f"{side}_account"] == accounts.c.id)
        .where(leg.c[f"{side}_seq"].is_not(None))
        .order_by(leg.c.effective_at.desc())
        .limit(sa.literal_column("1"))
        .correlate(accounts)
        .scalar_subquery()
    )


_has_later_month = (
    sa.exists()
    .where(
        months.c.tenant_id == TENANT,
        months.c.account_id == accounts.c.id,
        months.c.starts_at >= month_start(balances.c.effective_at),
    )
    .correlate(accounts, balances)
)


def _stray_late(*is_stray: Any) -> Any:
    """Return the number of a late leg that no move can have."""
    return (
        sa.select(sa.func.max(late_legs.c.seq))
        .where(late_legs.c.tenant_id == TENANT, late_legs.c.account_id == accounts.c.id, *is_stray)
        .correlate(accounts, balances)
        .scalar_subquery()
    )


# Of a place behind its last number or below its first, and of what is no place any.
_strays = sa.func.coalesce(
    _stray_late(late_legs.c.seq > sa.case((_is_place(accounts), balances.c.seq), else_=_LOWEST)),
    _stray_late(late_legs.c.seq < sa.literal_column("1")),
)


@lru_cache
def heads_statement(*, of_item: bool) -> Statement:
    """Return the statement of a page of accounts: what is on each, and its last move's number."""
    conditions = [accounts.c.item_id == p("item_id", type_=_UUID)] if of_item else []
    of_account = sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id)
    return Statement(
        sa.select(
            accounts.c.id,
            _is_place(accounts).label("is_place"),
            *(balances.c[name] for name in ("on_hand", "reserved", "seq")),
            # Here and not in Python, where NaN cannot be compared.
            balances.c.reserved.between(sa.literal_column("0"), balances.c.on_hand).label("covers"),
            (balances.c.reserved == promised_on(accounts.c.id)).label("is_promised"),
            sa.func.greatest(_last_seq("from"), _last_seq("to")).label("last_seq"),
            balances.c.effective_at,
            sa.func.greatest(_last_date("from"), _last_date("to")).label("last_date"),
            _has_later_month.label("has_later_month"),
            _strays.label("stray_late"),
        )
        .select_from(accounts.outerjoin(balances, of_account))
        .where(accounts.c.tenant_id == TENANT, accounts.c.id > p("behind", type_=_UUID))
        .where(*conditions)
        .order_by(accounts.c.id)
        .limit(_PAGE)
    )


_ranges: Final[Any] = (
    sa.func.unnest(
        p("account_ids", type_=ARRAY(_UUID)),
        p("firsts", type_=ARRAY(_BIG)),
        p("lasts", type_=ARRAY(_BIG)),
    )
    .table_valued(
        sa.column("account_id", _UUID),
        sa.column("first", _BIG),
        sa.column("last", _BIG),
        name="range",
    )
    .render_derived()
)


def _leg(side: str, sign: int, is_counted: Any) -> "sa.Select[Any]":
    seq = moves.c[f"{side}_seq"]
    return (
        sa.select(
            *(_ranges.c[name] for name in ("account_id", "first")),
            *(moves.c[name] for name in ("transaction_id", "line_no", "effective_at")),
            seq.label("seq"),
            (moves.c.quantity * sa.literal_column(str(sign))).label("change"),
            moves.c[f"{side}_after"].label("after"),
            is_counted.label("is_counted"),
        )
        .select_from(_ranges.join(moves, moves.c[f"{side}_account"] == _ranges.c.account_id))
        .where(moves.c.tenant_id == TENANT, seq.between(_ranges.c.first - 1, _ranges.c.last))
    )


# What goes from a place to another is one move: it counts where it comes in.
_legs = sa.union_all(_leg("from", -1, moves.c.to_seq.is_(None)), _leg("to", 1, sa.true())).subquery(
    "legs"
)
_in_order: Final[dict[str, Any]] = {"partition_by": _legs.c.account_id, "order_by": _legs.c.seq}
_chain = sa.select(
    _legs,
    sa.func.lag(_legs.c.seq).over(**_in_order).label("seq_before"),
    sa.func.lag(_legs.c.after).over(**_in_order).label("after_before"),
).subquery("chain")
_goes_on = sa.and_(
    sa.func.coalesce(_chain.c.seq_before, 0) == _chain.c.seq - 1,
    _chain.c.after.is_not_distinct_from(
        sa.func.coalesce(_chain.c.after_before, 0) + _chain.c.change
    ),
)
_line = sa.cast(_chain.c.transaction_id, sa.Text) + "/" + sa.cast(_chain.c.line_no, sa.Text)
CHAINS: Final = Statement(
    sa.select(
        _chain.c.account_id,
        sa.func.sum(_chain.c.change).label("change"),
        sa.func.count().filter(_chain.c.is_counted).label("moves"),
        sa.func.array_agg(_line).filter(~_goes_on).label("breaks"),
    )
    .where(_chain.c.seq >= _chain.c.first)
    .group_by(_chain.c.account_id)
)
"""Of ranges of numbers, by account: their sum, and the moves that do not go on from another."""

_kept = (
    sa.select(_ranges.c.first, *(column for column in late_legs.c if column.name != "tenant_id"))
    .select_from(_ranges.join(late_legs, late_legs.c.account_id == _ranges.c.account_id))
    .where(
        late_legs.c.tenant_id == TENANT,
        late_legs.c.seq.between(_ranges.c.first - 1, _ranges.c.last),
    )
    .subquery("kept")
)
_both: Final[dict[str, Any]] = {
    name: sa.func.coalesce(_legs.c[name], _kept.c[name]) for name in ("account_id", "first", "seq")
}
# What was the latest date before the range the leg before it tells, late or not. What is forged
# below the first number was told already.
_latest_by_it = sa.func.greatest(
    sa.case((_both["seq"] > 0, _legs.c.effective_at)),
    sa.case((_both["seq"] < _both["first"], _kept.c.latest_at)),
)
_judged = (
    sa.select(
        *(column.label(name) for name, column in _both.items()),
        *(_legs.c[name].label(f"own_{name}") for name in ("effective_at", "change", "after")),
        *(
            _kept.c[name]
            for name in ("effective_at", "latest_at", "change", "next_seq", "next_before")
        ),
        sa.func.max(_latest_by_it)
        .over(partition_by=_both["account_id"], order_by=_both["seq"], rows=(None, -1))
        .label("latest_before"),
    )
    .select_from(
        _legs.outerjoin(
            _kept,
            sa.and_(_kept.c.account_id == _legs.c.account_id, _kept.c.seq == _legs.c.seq),
            full=True,
        )
    )
    .subquery("judged")
)


def _of_move(side: str, seq: Any, is_so: Callable[[Any, Any], Any]) -> Any:
    """Return whether the move of a number is so, by itself and by what was there before it.

    NULL where the account has none of that number on this side. It is looked up by its number
    alone, and judged then: were both conditions, all of a later date would be looked through.
    """
    leg = moves.alias(f"{side}_leg")
    before = leg.c[f"{side}_after"] - leg.c.quantity * sa.literal_column(str(SIGNS[side]))
    return (
        sa.select(is_so(leg, before))
        .where(leg.c.tenant_id == TENANT, leg.c[f"{side}_account"] == _judged.c.account_id)
        .where(leg.c[f"{side}_seq"] == seq)
        .limit(sa.literal_column("1"))
        .correlate(_judged)
        .scalar_subquery()
    )


def _is_named(leg: Any, before: Any) -> Any:
    return sa.and_(_is_behind(leg, before), before == _judged.c.next_before)


def _is_behind(leg: Any, before: Any) -> Any:
    # The index by date has not what was there: so it is not taken for one to look numbers up in.
    return sa.and_(leg.c.effective_at > _judged.c.effective_at, before.is_not(None))


_one_before = late_legs.alias("one_before")
_is_first_behind = sa.and_(
    # The move that it names is behind it, and none of a lower number is.
    sa.func.coalesce(*(_of_move(side, _judged.c.next_seq, _is_named) for side in SIGNS)),
    *(
        ~sa.func.coalesce(_of_move(side, _judged.c.next_seq - 1, _is_behind), sa.false())
        for side in SIGNS
    ),
    ~sa.exists()
    .where(
        _one_before.c.tenant_id == TENANT,
        _one_before.c.account_id == _judged.c.account_id,
        _one_before.c.seq == _judged.c.next_seq - 1,
        _one_before.c.latest_at > _judged.c.effective_at,
    )
    .correlate(_judged),
)
_is_late_rightly = sa.and_(
    _judged.c.effective_at == _judged.c.own_effective_at,
    _judged.c.change == _judged.c.own_change,
    _judged.c.latest_at == _judged.c.latest_before,
    _judged.c.effective_at < _judged.c.latest_at,
    _judged.c.next_seq < _judged.c.seq,
    _is_first_behind,
)
# Of what has left nothing `CHAINS` tells. Here it keeps the planner, as above, to numbers.
_is_not_late = sa.case(
    (_judged.c.own_after.is_(None), sa.true()),
    else_=_judged.c.own_effective_at >= _judged.c.latest_before,
)
_is_right = sa.case(
    (_judged.c.latest_at.is_(None), _is_not_late),
    else_=sa.func.coalesce(_is_late_rightly, sa.false()),
)
LATE: Final = Statement(
    sa.select(_judged.c.account_id, _judged.c.seq).where(
        _judged.c.seq >= _judged.c.first, ~_is_right
    )
)
"""Of ranges of numbers, the legs that are late and not kept so, and those kept so wrongly."""

_of_ranges = sa.union(
    *(
        sa.select(moves.c.transaction_id)
        .select_from(_ranges.join(moves, moves.c[f"{side}_account"] == _ranges.c.account_id))
        .where(moves.c.tenant_id == TENANT)
        .where(moves.c[f"{side}_seq"].between(_ranges.c.first, _ranges.c.last))
        for side in ("from", "to")
    )
).subquery("of_ranges")
TRANSACTIONS_OF_RANGES: Final = Statement(
    sa.select(_of_ranges.c.transaction_id).order_by(_of_ranges.c.transaction_id)
)
"""The transactions whose moves have the numbers of ranges, each once."""

_ids: Final = p("ids", type_=ARRAY(_UUID))
_twins = transactions.alias("twins")
_has_twin = sa.exists().where(
    _twins.c.tenant_id == TENANT,
    _twins.c.request_key == transactions.c.request_key,
    _twins.c.id != transactions.c.id,
)
_line_count = (
    sa.select(sa.func.count())
    .where(moves.c.tenant_id == TENANT, moves.c.transaction_id == transactions.c.id)
    .correlate(transactions)
    .scalar_subquery()
)


# As the lock stood when it was posted: what was posted before was right, and so is what is
# posted when a period is open again.
_is_in_locked_period = sa.func.coalesce(
    transactions.c.effective_at
    < latest_lock("locked_before", period_locks.c.set_at < transactions.c.posted_at),
    sa.false(),
)


@lru_cache
def documents_statement(*, by_ids: bool) -> Statement:
    """Return the statement of a page of transactions with their digests, or of those of `ids`."""
    wanted = transactions.c.id > p("behind", type_=_UUID)
    if by_ids:
        wanted = transactions.c.id == sa.any_(_ids)
    return Statement(
        sa.select(
            transactions,
            sa.null().label("reversed_by_id"),
            _has_twin.label("has_twin"),
            _line_count.label("line_count"),
            _is_in_locked_period.label("is_in_locked_period"),
        )
        .where(transactions.c.tenant_id == TENANT, wanted)
        .order_by(transactions.c.id)
        .limit(_PAGE)
    )


def _is_sound(side: str) -> Any:
    """Return the condition of a move whose one end is as it has to be."""
    account = accounts.alias(f"{side}_account")
    return sa.exists().where(
        account.c.tenant_id == TENANT,
        account.c.id == moves.c[f"{side}_account"],
        account.c.item_id == moves.c.item_id,
        _is_place(account) == moves.c[f"{side}_seq"].is_not(None),
    )


@lru_cache
def faulty_moves_statement(*, by_ids: bool) -> Statement:
    """Return the statement of the faulty moves of transactions: of a range of ids, or of `ids`.

    The range also finds moves whose transaction is not there.
    """
    id = moves.c.transaction_id
    wanted = [id > p("behind", type_=_UUID), id <= p("until", type_=_UUID)]
    if by_ids:
        wanted = [id == sa.any_(_ids)]
    header = sa.and_(transactions.c.tenant_id == TENANT, transactions.c.id == id)
    is_sound = sa.and_(
        moves.c.quantity > 0,
        moves.c.from_account != moves.c.to_account,
        _is_sound("from"),
        _is_sound("to"),
    )
    is_dated = sa.and_(
        *(moves.c[name] == transactions.c[name] for name in ("effective_at", "posted_at"))
    )
    looked_at = (
        sa.select(
            *(id, moves.c.line_no),
            is_sound.label("is_sound"),
            transactions.c.id.is_not(None).label("is_posted"),
            is_dated.label("is_dated"),
        )
        .select_from(moves.outerjoin(transactions, header))
        .where(moves.c.tenant_id == TENANT, *wanted)
        .subquery("looked_at")
    )
    flags = (looked_at.c[name] for name in ("is_sound", "is_posted", "is_dated"))
    return Statement(sa.select(looked_at).where(~sa.and_(*flags)))
