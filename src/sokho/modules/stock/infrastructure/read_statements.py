"""The statements that read levels and stock cards."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page, keyset_rows
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.domain.reads import Basis
from sokho.modules.stock.infrastructure.dated_statements import (
    Next,
    balance_before,
    next_by_date,
)
from sokho.modules.stock.infrastructure.reservation_statements import expired_on
from sokho.modules.stock.infrastructure.tables import (
    accounts,
    balances,
    moves,
    transactions,
)

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
    is_of_all = not conditions and below is None
    return keyset_page(rows, key, descending=descending, resumed=resumed, planned_once=is_of_all)


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
        .order_by(leg.c.posted_at.desc(), seq.desc())
        .limit(sa.literal_column("1"))
        .lateral(f"{side}_leg")
    )


_HIGHEST: Final[Any] = sa.literal_column(str(2**63 - 1))


def _as_dated() -> "sa.Select[Any]":
    """Return the sum of all moves of documents up to then."""
    as_of = p("as_of", type_=_INSTANT)
    held = sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id)
    next = next_by_date(accounts.c.id, lambda at: at > as_of, "next")
    before = balance_before(accounts.c.id, next, as_of, _HIGHEST)
    return _levels(
        next.joined_to(accounts.join(balances, held)),
        on_hand=_plain(sa.case((next.seq.is_(None), balances.c.on_hand), else_=before)),
        reserved=sa.null(),
        available=sa.null(),
        seq=sa.null(),
        minimum=sa.null(),
    )


CARD_CONDITIONS: Final = ("since", "until")

_account = (
    sa.select(accounts.c.id)
    .where(
        _IS_PLACE, accounts.c.item_id == p("item_id"), accounts.c.location_id == p("location_id")
    )
    .scalar_subquery()
)


def _of_account(leg: Any, side: str) -> Any:
    return sa.and_(
        leg.c.tenant_id == TENANT,
        leg.c[f"{side}_account"] == _account,
        leg.c[f"{side}_seq"].is_not(None),
    )


def _leg(side: str, other: str, sign: int) -> "sa.Select[Any]":
    """Return the moves of the account on one side, as the card shows them."""
    return sa.select(
        *(moves.c[name] for name in ("transaction_id", "line_no", "effective_at", "posted_at")),
        moves.c[f"{other}_account"].label("other_account"),
        (moves.c.quantity * sa.literal_column(str(sign))).label("quantity"),
        moves.c[f"{side}_seq"].label("seq"),
        moves.c[f"{side}_after"].label("after"),
    ).where(_of_account(moves, side))


def _bounds(side: str, field: str) -> dict[str, Any]:
    """Return the conditions by which a card begins and ends, on one side of its account.

    Numbers rise with the times of posting: a card in their order begins with the number of the
    first move since then. Where there is none, there are no lines.
    """
    since, until = (p(name, type_=_INSTANT) for name in CARD_CONDITIONS)
    if field == "effective_at":
        return {"since": moves.c.effective_at >= since, "until": moves.c.effective_at < until}
    leg = moves.alias("timed")
    seq = leg.c[f"{side}_seq"]
    numbers = sa.select(seq).where(_of_account(leg, side)).limit(sa.literal_column("1"))
    first = numbers.where(leg.c.posted_at >= since).order_by(leg.c.posted_at, seq)
    last = numbers.where(leg.c.posted_at < until).order_by(leg.c.posted_at.desc(), seq.desc())
    return {
        "since": moves.c[f"{side}_seq"] >= first.scalar_subquery(),
        "until": moves.c[f"{side}_seq"] <= last.scalar_subquery(),
    }


def _balance_by_date(page: Any) -> Any:
    """Return what was there after each line of a page, by the documents' dates."""
    first = (
        sa.select(
            *(page.c[name] for name in ("effective_at", "seq")),
            (page.c.after - page.c.quantity).label("before"),
            _account.label("account_id"),
        )
        .order_by(page.c.effective_at, page.c.seq)
        .limit(sa.literal_column("1"))
        .subquery("first")
    )
    next = Next((), first.c.seq, first.c.before)
    before = balance_before(first.c.account_id, next, first.c.effective_at, first.c.seq)
    running = sa.func.sum(page.c.quantity).over(order_by=(page.c.effective_at, page.c.seq))
    beginning = sa.select(before).select_from(first).scalar_subquery()
    return beginning + running


@lru_cache
def card_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement of one page of a stock card.

    The page is found first, and then joined with what else is shown: by an index, in its order.
    """
    is_posted = sort.field == "posted_at"
    names = ("seq",) if is_posted else ("effective_at", "seq")

    def page_of(rows: Any) -> Any:
        key = [rows.c[name] for name in names]
        return keyset_rows(sa.select(rows), key, descending=sort.descending, resumed=resumed)

    def side_of(side: str, other: str, sign: int) -> Any:
        # Each side by its own index, no further than the page may reach.
        bounds = _bounds(side, sort.field)
        rows = _leg(side, other, sign).where(*(bounds[name] for name in sorted(conditions)))
        reach = p("limit", type_=sa.Integer) + p("offset", type_=sa.Integer)
        page = page_of(rows.subquery(side)).limit(reach).offset(None)
        return sa.select(page.subquery(f"page_{side}"))

    sides = (side_of("from", "to", -1), side_of("to", "from", 1))
    page = page_of(sa.union_all(*sides).subquery("legs")).cte("page")
    order = [page.c[name] for name in names]
    header = sa.and_(transactions.c.tenant_id == TENANT, transactions.c.id == page.c.transaction_id)
    other = sa.and_(accounts.c.tenant_id == TENANT, accounts.c.id == page.c.other_account)
    return Statement(
        sa.select(
            transactions.c.type,
            transactions.c.document_no,
            *(
                page.c[name]
                for name in ("transaction_id", "line_no", "effective_at", "posted_at", "seq")
            ),
            accounts.c.location_id.label("other_location_id"),
            _plain(page.c.quantity).label("quantity"),
            _plain(page.c.after if is_posted else _balance_by_date(page)).label("balance"),
        )
        .select_from(page.join(transactions, header).join(accounts, other))
        .order_by(*(column.desc() if sort.descending else column for column in order))
    )
