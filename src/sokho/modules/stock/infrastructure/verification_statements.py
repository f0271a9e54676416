"""The statements that look for what breaks an invariant, a page of the ledger at a time."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.infrastructure.tables import accounts, balances, moves, transactions

_UUID, _BIG = sa.Uuid(), sa.BigInteger()
_PAGE: Final[Any] = sa.literal_column("500")
_IS_PLACE: Final = accounts.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'")


def _last(side: str, *columns: str) -> Any:
    """Return the last move of an account on one side."""
    leg = moves.alias(f"last_{side}")
    seq = leg.c[f"{side}_seq"]
    return (
        sa.select(*(leg.c[f"{side}_{column}"].label(column) for column in columns))
        .where(leg.c.tenant_id == TENANT, leg.c[f"{side}_account"] == accounts.c.id)
        .where(seq.is_not(None))
        .order_by(seq.desc())
        .limit(sa.literal_column("1"))
        .lateral(f"{side}_leg")
    )


_source, _target = _last("from", "seq", "after"), _last("to", "seq", "after")
_source_seq, _target_seq = (sa.func.coalesce(leg.c.seq, 0) for leg in (_source, _target))


@lru_cache
def heads_statement(*, of_item: bool) -> Statement:
    """Return the statement of a page of places: what is on each, and what its last move left."""
    conditions = [accounts.c.item_id == p("item_id", type_=_UUID)] if of_item else []
    of_account = sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id)
    last_after = sa.case((_source_seq > _target_seq, _source.c.after), else_=_target.c.after)
    return Statement(
        sa.select(
            accounts.c.id,
            *(balances.c[name] for name in ("on_hand", "reserved", "seq")),
            sa.func.greatest(_source_seq, _target_seq).label("last_seq"),
            sa.func.coalesce(last_after, 0).label("last_after"),
        )
        .select_from(
            accounts.outerjoin(balances, of_account)
            .outerjoin(_source, sa.true())
            .outerjoin(_target, sa.true())
        )
        .where(accounts.c.tenant_id == TENANT, _IS_PLACE, accounts.c.id > p("behind", type_=_UUID))
        .where(*conditions)
        .order_by(accounts.c.id)
        .limit(_PAGE)
    )


_range = (
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


def _leg(side: str, sign: int) -> "sa.Select[Any]":
    seq = moves.c[f"{side}_seq"]
    return (
        sa.select(
            _range.c.account_id,
            _range.c.first,
            moves.c.transaction_id,
            moves.c.line_no,
            seq.label("seq"),
            (moves.c.quantity * sa.literal_column(str(sign))).label("change"),
            moves.c[f"{side}_after"].label("after"),
        )
        .select_from(_range.join(moves, moves.c[f"{side}_account"] == _range.c.account_id))
        .where(moves.c.tenant_id == TENANT, seq.between(_range.c.first - 1, _range.c.last))
    )


_legs = sa.union_all(_leg("from", -1), _leg("to", 1)).subquery("legs")
_in_order: Final[dict[str, Any]] = {"partition_by": _legs.c.account_id, "order_by": _legs.c.seq}
_chain = sa.select(
    _legs,
    sa.func.lag(_legs.c.seq).over(**_in_order).label("seq_before"),
    sa.func.lag(_legs.c.after).over(**_in_order).label("after_before"),
).subquery("chain")
_is_posted = sa.exists().where(
    transactions.c.tenant_id == TENANT, transactions.c.id == _chain.c.transaction_id
)
_goes_on = sa.and_(
    sa.func.coalesce(_chain.c.seq_before, 0) == _chain.c.seq - 1,
    _chain.c.after == sa.func.coalesce(_chain.c.after_before, 0) + _chain.c.change,
)
BREAKS: Final = Statement(
    sa.select(_chain.c.transaction_id, _chain.c.line_no, (~_is_posted).label("is_orphan")).where(
        _chain.c.seq >= _chain.c.first, ~sa.and_(_goes_on, _is_posted)
    )
)
"""Moves of a range of numbers that do not go on from the one before, or belong to nothing."""


@lru_cache
def page_statement(*, of_item: bool) -> Statement:
    """Return the statement of a page of transactions, with their digests."""
    conditions = []
    if of_item:
        of_the_item = sa.exists().where(
            moves.c.tenant_id == TENANT,
            moves.c.transaction_id == transactions.c.id,
            moves.c.item_id == p("item_id", type_=_UUID),
        )
        conditions.append(of_the_item)
    twins = transactions.alias("twins")
    has_twin = sa.exists().where(
        twins.c.tenant_id == TENANT,
        twins.c.request_key == transactions.c.request_key,
        twins.c.id != transactions.c.id,
    )
    return Statement(
        sa.select(transactions, sa.null().label("reversed_by_id"), has_twin.label("has_twin"))
        .where(transactions.c.tenant_id == TENANT, transactions.c.id > p("behind", type_=_UUID))
        .where(*conditions)
        .order_by(transactions.c.id)
        .limit(_PAGE)
    )


def _end(side: str) -> Any:
    """Return the condition of a move whose one end is as it has to be."""
    account = accounts.alias(f"{side}_account")
    is_place = account.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'")
    return sa.exists().where(
        account.c.tenant_id == TENANT,
        account.c.id == moves.c[f"{side}_account"],
        account.c.item_id == moves.c.item_id,
        is_place == moves.c[f"{side}_seq"].is_not(None),
    )


FAULTY: Final = Statement(
    sa.select(moves.c.transaction_id, moves.c.line_no).where(
        moves.c.tenant_id == TENANT,
        moves.c.transaction_id == sa.any_(p("ids", type_=ARRAY(_UUID))),
        ~sa.and_(
            moves.c.quantity > 0,
            moves.c.from_account != moves.c.to_account,
            _end("from"),
            _end("to"),
        ),
    )
)
"""Moves that are not of one business and one item, or of nothing."""
