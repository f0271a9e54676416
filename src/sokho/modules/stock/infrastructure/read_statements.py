"""The statements that read levels and stock cards."""

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
    levels = {None: _of_now, Basis.POSTED: _as_posted, Basis.EFFECTIVE: _as_dated}[basis]()
    rows = levels.where(_IS_PLACE, *(LEVEL_CONDITIONS[name] for name in sorted(conditions)))
    if below is not None:
        is_below = balances.c.is_below_minimum
        rows = rows.where(is_below if below else ~is_below)
    key = [accounts.c.item_id, accounts.c.location_id]
    return keyset_page(rows, key, descending=descending, resumed=resumed)


def _levels(source: Any, **columns: Any) -> "sa.Select[Any]":
    named = sa.and_(_items.c.tenant_id == TENANT, _items.c.id == accounts.c.item_id)
    return sa.select(
        accounts.c.item_id,
        _items.c.sku,
        accounts.c.location_id,
        *(column.label(name) for name, column in columns.items()),
    ).select_from(source.join(_items, named))


def _of_now() -> "sa.Select[Any]":
    held = sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id)
    on_hand = balances.c.on_hand
    # What has expired is free, though nobody has needed it since.
    expired = sa.case(
        (balances.c.reserved > sa.literal_column("0"), expired_on(accounts.c.id)), else_=0
    )
    reserved = balances.c.reserved - expired
    return _levels(
        accounts.join(balances, held),
        on_hand=_plain(on_hand),
        reserved=_plain(reserved),
        available=_plain(on_hand - reserved),
        seq=balances.c.seq,
        minimum=_plain(balances.c.minimum),
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
    """Return the moves of the account on one side, as the card shows them."""
    counterpart = accounts.alias(f"{other}_account")
    opposite = sa.and_(
        counterpart.c.tenant_id == TENANT, counterpart.c.id == moves.c[f"{other}_account"]
    )
    return (
        sa.select(
            *(moves.c[name] for name in ("transaction_id", "line_no", "effective_at", "posted_at")),
            counterpart.c.location_id.label("other_location_id"),
            (moves.c.quantity * sa.literal_column(str(sign))).label("quantity"),
            moves.c[f"{side}_seq"].label("seq"),
            moves.c[f"{side}_after"].label("after"),
        )
        .select_from(moves.join(counterpart, opposite))
        .where(
            moves.c.tenant_id == TENANT,
            moves.c[f"{side}_account"] == _account,
            moves.c[f"{side}_seq"].is_not(None),
        )
    )


CARD_CONDITIONS: Final = ("since", "until")


@lru_cache
def card_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement of one page of a stock card."""
    legs = sa.union_all(_leg("from", "to", -1), _leg("to", "from", 1)).subquery("legs")
    key = [legs.c.seq] if sort.field == "posted_at" else [legs.c.effective_at, legs.c.seq]
    is_posted = sort.field == "posted_at"
    balance = legs.c.after if is_posted else sa.func.sum(legs.c.quantity).over(order_by=key)
    card = sa.select(legs, balance.label("balance")).subquery("card")
    time = card.c[sort.field]
    wanted = {
        "since": time >= p("since", type_=_INSTANT),
        "until": time < p("until", type_=_INSTANT),
    }
    header = sa.and_(transactions.c.tenant_id == TENANT, transactions.c.id == card.c.transaction_id)
    rows = (
        sa.select(
            transactions.c.type,
            transactions.c.document_no,
            *(
                card.c[name]
                for name in ("transaction_id", "line_no", "effective_at", "posted_at", "seq")
            ),
            card.c.other_location_id,
            _plain(card.c.quantity).label("quantity"),
            _plain(card.c.balance).label("balance"),
        )
        .select_from(card.join(transactions, header))
        .where(*(wanted[name] for name in sorted(conditions)))
    )
    columns = [card.c[column.name] for column in key]
    return keyset_page(rows, columns, descending=sort.descending, resumed=resumed)
