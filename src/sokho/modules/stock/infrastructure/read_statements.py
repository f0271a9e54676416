"""The statements that read levels and stock cards."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.domain.reads import Basis
from sokho.modules.stock.infrastructure.reservation_statements import expired_on
from sokho.modules.stock.infrastructure.tables import accounts, balances, moves, transactions

_UUID, _TEXT, _INSTANT = sa.Uuid(), sa.Text(), sa.DateTime(timezone=True)
_QUANTITY: Final = sa.Numeric(20, 6)

_items = sa.table(
    "items",
    *(sa.column(name, _UUID) for name in ("tenant_id", "id")),
    *(sa.column(name, _TEXT) for name in ("sku", "sku_key")),
)
_locations = sa.table(
    "locations", *(sa.column(name, _UUID) for name in ("tenant_id", "id", "parent_id"))
)

_IS_PLACE: Final = sa.and_(
    accounts.c.tenant_id == TENANT,
    accounts.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'"),
)


def _plain(quantity: Any) -> Any:
    return sa.func.trim_scale(quantity, type_=_QUANTITY)


def _below() -> Any:
    """Return the ids of a location and of all that lie below it."""
    below = (
        sa.select(_locations.c.id)
        .where(_locations.c.tenant_id == TENANT, _locations.c.id == p("location_id"))
        .cte("below", recursive=True)
    )
    child = _locations.alias("child")
    below = below.union_all(
        sa.select(child.c.id).where(child.c.tenant_id == TENANT, child.c.parent_id == below.c.id)
    )
    return sa.func.array(sa.select(below.c.id).scalar_subquery())


_named = (
    sa.select(_items.c.id)
    .where(_items.c.tenant_id == TENANT, _items.c.sku_key == p("sku_key"))
    .scalar_subquery()
)
LEVEL_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "item_id": accounts.c.item_id == p("item_id"),
    "sku_key": accounts.c.item_id == _named,
    "location_id": accounts.c.location_id == p("location_id"),
    "location_ids": accounts.c.location_id == sa.any_(_below()),
}


@lru_cache
def levels_statement(
    conditions: frozenset[str],
    basis: Basis | None,
    *,
    below: bool | None = None,
    descending: bool,
    resumed: bool,
) -> Statement:
    """Return the statement that lists levels: those of now, or as of a time by one of both.

    `below` lists those of now alone that are below their minimum, or those that are not.
    """
    if basis is None:
        levels = _of_now(below=below)
    else:
        levels = {Basis.POSTED: _as_posted, Basis.EFFECTIVE: _as_dated}[basis]()
    rows = levels.where(_IS_PLACE, *(LEVEL_CONDITIONS[name] for name in sorted(conditions)))
    key = [accounts.c.item_id, accounts.c.location_id]
    return keyset_page(rows, key, descending=descending, resumed=resumed)


def _levels(source: Any, **columns: Any) -> "sa.Select[Any]":
    item = _one_of(_items, "item", _items.c.id == accounts.c.item_id)
    return sa.select(
        accounts.c.item_id,
        item.c.sku,
        accounts.c.location_id,
        *(column.label(name) for name, column in columns.items()),
    ).select_from(source.join(item, sa.true()))


def _of_now(*, below: bool | None) -> "sa.Select[Any]":
    held: Any = _one_of(balances, "held", balances.c.account_id == accounts.c.id)
    is_listed: Any = sa.true() if below is None else ~held.c.is_below_minimum
    if below:
        # Of these there are few: they lead, by an index that has no others.
        held = balances
        is_listed = sa.and_(
            held.c.tenant_id == TENANT, held.c.account_id == accounts.c.id, held.c.is_below_minimum
        )
    on_hand = held.c.on_hand
    # What has expired is free, though nobody has needed it since.
    expired = sa.case(
        (held.c.reserved > sa.literal_column("0"), expired_on(accounts.c.id)), else_=0
    )
    reserved = held.c.reserved - expired
    return _levels(
        accounts.join(held, is_listed),
        on_hand=_plain(on_hand),
        reserved=_plain(reserved),
        available=_plain(on_hand - reserved),
        seq=held.c.seq,
        minimum=_plain(held.c.minimum),
    )


def _one_of(table: Any, name: str, condition: Any) -> Any:
    """Return the one row of a table that belongs to what is listed.

    Looked up for each row that is shown: by its limit, which keeps the planner from reading the
    table along another way for more rows than a page has.
    """
    return (
        sa.select(table)
        .where(table.c.tenant_id == TENANT, condition)
        .limit(sa.literal_column("1"))
        .lateral(name)
    )


def _as_posted() -> "sa.Select[Any]":
    """Return what the last move by then left, on whichever side it was."""
    source, target = _last_of("from"), _last_of("to")
    source_seq, target_seq = (sa.func.coalesce(leg.c.seq, 0) for leg in (source, target))
    after = sa.case((source_seq > target_seq, source.c.after), else_=target.c.after)
    return _levels(
        accounts.outerjoin(source, sa.true()).outerjoin(target, sa.true()),
        on_hand=_plain(sa.func.coalesce(after, 0)),
        reserved=sa.null(),
        available=sa.null(),
        seq=sa.func.greatest(source_seq, target_seq),
        minimum=sa.null(),
    )


def _last_of(side: str) -> Any:
    leg = moves.alias(f"last_{side}")
    seq = leg.c[f"{side}_seq"]
    return (
        sa.select(seq.label("seq"), leg.c[f"{side}_after"].label("after"))
        .where(
            leg.c.tenant_id == TENANT,
            leg.c[f"{side}_account"] == accounts.c.id,
            seq.is_not(None),
            leg.c.posted_at <= p("as_of", type_=_INSTANT),
        )
        .order_by(seq.desc())
        .limit(sa.literal_column("1"))
        .lateral(f"{side}_leg")
    )


def _as_dated() -> "sa.Select[Any]":
    """Return the sum of all moves of documents up to then."""
    return _levels(
        accounts,
        on_hand=_plain(_sum_of("to") - _sum_of("from")),
        reserved=sa.null(),
        available=sa.null(),
        seq=sa.null(),
        minimum=sa.null(),
    )


def _sum_of(side: str) -> Any:
    leg = moves.alias(f"dated_{side}")
    return sa.func.coalesce(
        sa.select(sa.func.sum(leg.c.quantity))
        .where(
            leg.c.tenant_id == TENANT,
            leg.c[f"{side}_account"] == accounts.c.id,
            leg.c[f"{side}_seq"].is_not(None),
            leg.c.effective_at <= p("as_of", type_=_INSTANT),
        )
        .correlate(accounts)
        .scalar_subquery(),
        0,
    )


_account = (
    sa.select(accounts.c.id)
    .where(
        _IS_PLACE, accounts.c.item_id == p("item_id"), accounts.c.location_id == p("location_id")
    )
    .scalar_subquery()
)


def _leg(side: str, other: str, sign: int) -> "sa.Select[Any]":
    """Return the moves of the account on one side."""
    return sa.select(
        *(moves.c[name] for name in ("transaction_id", "line_no", "effective_at", "posted_at")),
        moves.c[f"{other}_account"].label("other_account"),
        (moves.c.quantity * sa.literal_column(str(sign))).label("quantity"),
        moves.c[f"{side}_seq"].label("seq"),
        moves.c[f"{side}_after"].label("after"),
    ).where(
        moves.c.tenant_id == TENANT,
        moves.c[f"{side}_account"] == _account,
        moves.c[f"{side}_seq"].is_not(None),
    )


CARD_CONDITIONS: Final = ("since", "until")


@lru_cache
def card_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement of one page of a stock card."""
    is_posted = sort.field == "posted_at"
    sides = [_leg("from", "to", -1), _leg("to", "from", 1)]
    if is_posted:
        sides = [
            _first_of(each, conditions, descending=sort.descending, resumed=resumed)
            for each in sides
        ]
    legs = sa.union_all(*sides).subquery("legs")
    key = [legs.c.seq] if is_posted else [legs.c.effective_at, legs.c.seq]
    balance = legs.c.after if is_posted else sa.func.sum(legs.c.quantity).over(order_by=key)
    card = sa.select(legs, balance.label("balance")).subquery("card")
    header = _one_of(transactions, "header", transactions.c.id == card.c.transaction_id)
    other = _one_of(accounts, "other", accounts.c.id == card.c.other_account)
    other_location_id = other.c.location_id.label("other_location_id")
    rows = (
        sa.select(
            header.c.type,
            header.c.document_no,
            *(
                card.c[name]
                for name in ("transaction_id", "line_no", "effective_at", "posted_at", "seq")
            ),
            other_location_id,
            _plain(card.c.quantity).label("quantity"),
            _plain(card.c.balance).label("balance"),
        )
        .select_from(card.join(header, sa.true()).join(other, sa.true()))
        .where(*_within(conditions, card.c[sort.field]))
    )
    columns = [card.c[column.name] for column in key]
    return keyset_page(rows, columns, descending=sort.descending, resumed=resumed)


def _first_of(
    side: "sa.Select[Any]", conditions: frozenset[str], *, descending: bool, resumed: bool
) -> "sa.Select[Any]":
    """Return what a page can need of one side: the planner puts no limit into a union itself."""
    leg = side.subquery()
    rows = sa.select(leg).where(*_within(conditions, leg.c.posted_at))
    if resumed:
        here, there = leg.c.seq, p("after_0", type_=sa.BigInteger())
        rows = rows.where(here < there if descending else here > there)
    limit, offset = p("limit", type_=sa.Integer()), p("offset", type_=sa.Integer())
    return rows.order_by(leg.c.seq.desc() if descending else leg.c.seq).limit(limit + offset)


def _within(conditions: frozenset[str], time: Any) -> Iterator[sa.ColumnElement[bool]]:
    if "since" in conditions:
        yield time >= p("since", type_=_INSTANT)
    if "until" in conditions:
        yield time < p("until", type_=_INSTANT)
