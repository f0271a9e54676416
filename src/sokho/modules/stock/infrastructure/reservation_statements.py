"""The statements on reservations; all that change one run while its balances are held."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.domain.reservations import ReservationState
from sokho.modules.stock.infrastructure.posting_statements import held
from sokho.modules.stock.infrastructure.tables import (
    accounts,
    balances,
    reservation_lines,
    reservations,
)

_UUID, _TEXT, _NUMBER = sa.Uuid(), sa.Text(), sa.Integer()
_QUANTITY: Final = sa.Numeric(20, 6)
_OPEN: Final = reservations.c.state == sa.literal_column(f"'{ReservationState.OPEN}'")

_items = sa.table(
    "items",
    *(sa.column(name, _UUID) for name in ("tenant_id", "id")),
    *(sa.column(name, _TEXT) for name in ("sku", "unit")),
)
_units = sa.table(
    "units",
    sa.column("tenant_id", _UUID),
    sa.column("code", _TEXT),
    sa.column("decimals", _NUMBER),
)
_CLOCK: Final = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def expired_on(account_id: Any) -> Any:
    """Return how much expired reservations still hold of an account, as of the transaction."""
    held = sa.select(sa.func.coalesce(sa.func.sum(reservation_lines.c.quantity), 0))
    return (
        held.select_from(reservation_lines.join(reservations, _of_reservation))
        .where(
            reservation_lines.c.tenant_id == TENANT,
            reservation_lines.c.account_id == account_id,
            reservation_lines.c.is_held,
            # Which every line that is held is of: said, so that the few that are due can lead.
            _OPEN,
            reservations.c.expires_at <= sa.func.now(),
        )
        .scalar_subquery()
    )


def promised_on(account_id: Any) -> Any:
    """Return how much open reservations hold of an account: what has to be reserved there."""
    held = sa.select(sa.func.coalesce(sa.func.sum(reservation_lines.c.quantity), 0))
    return (
        held.select_from(reservation_lines.join(reservations, _of_reservation))
        .where(
            reservation_lines.c.tenant_id == TENANT,
            reservation_lines.c.account_id == account_id,
            reservation_lines.c.is_held,
            _OPEN,
        )
        .scalar_subquery()
    )


_of_reservation = sa.and_(
    reservations.c.tenant_id == TENANT, reservations.c.id == reservation_lines.c.reservation_id
)

# Lines never change their account: so what the snapshot has of them is what is to be held.
_wanted = sa.select(reservation_lines.c.account_id).where(
    reservation_lines.c.tenant_id == TENANT, reservation_lines.c.reservation_id == p("id")
)
HOLD: Final = Statement(sa.select(held(_wanted).c.account_id))
"""The balances of all lines of a reservation, held in the order of accounts."""


def _one(name: str, *columns: Any, where: tuple[Any, ...]) -> Any:
    """Return the one row of a table that belongs to a line: by its limit looked up by its key."""
    return sa.select(*columns).where(*where).limit(sa.literal_column("1")).lateral(name)


_line = reservation_lines.c
_whole = _one(
    "whole",
    *(
        reservations.c[name]
        for name in ("id", "state", "created_at", "expires_at", "transaction_id")
    ),
    where=(_of_reservation,),
)
_item = _one(
    "item",
    *(_items.c.sku, _items.c.unit),
    where=(_items.c.tenant_id == TENANT, _items.c.id == _line.item_id),
)
_own, _entered = (
    _one(name, _units.c.decimals, where=(_units.c.tenant_id == TENANT, _units.c.code == code))
    for name, code in (("own", _item.c.unit), ("entered", _line.entered_unit))
)
_place = _one(
    "place",
    accounts.c.location_id,
    where=(accounts.c.tenant_id == TENANT, accounts.c.id == _line.account_id),
)
_customer = _one(
    "customer",
    accounts.c.id,
    where=(
        accounts.c.tenant_id == TENANT,
        accounts.c.item_id == _line.item_id,
        accounts.c.kind == sa.literal_column(f"'{AccountKind.CUSTOMER}'"),
        accounts.c.location_id.is_(None),
    ),
)
_rows: Any = reservation_lines
for _found in (_whole, _item, _own, _entered, _place, _customer):
    _rows = _rows.join(_found, sa.true())
LINES: Final = Statement(
    sa.select(
        *_whole.c,
        _CLOCK.label("now"),
        *(_line[name] for name in ("line_no", "item_id", "account_id", "quantity")),
        *(_line[name] for name in ("entered_quantity", "entered_unit", "is_held")),
        _item.c.sku,
        _own.c.decimals,
        _entered.c.decimals.label("entered_decimals"),
        _place.c.location_id,
        _customer.c.id.label("customer_account_id"),
    )
    .select_from(_rows)
    .where(_line.tenant_id == TENANT, _line.reservation_id == sa.any_(p("ids", type_=ARRAY(_UUID))))
    .order_by(_line.reservation_id, _line.line_no)
)
"""The lines of reservations, each with what is said of the whole."""

_LINE: Final = (
    *("line_no", "item_id", "account_id", "quantity"),
    *("entered_quantity", "entered_unit"),
)
_given = (
    sa.func.unnest(*(p(name, type_=ARRAY(reservation_lines.c[name].type)) for name in _LINE))
    .table_valued(*(sa.column(name, reservation_lines.c[name].type) for name in _LINE), name="line")
    .render_derived()
)
_added = (
    sa.insert(reservations)
    .values(
        tenant_id=TENANT,
        state=ReservationState.OPEN.value,
        **{name: p(name) for name in ("id", "created_at", "expires_at", "actor", "request_key")},
    )
    .returning(reservations.c.id)
    .cte("added")
)
_lines_added = (
    sa.insert(reservation_lines)
    .from_select(
        ["tenant_id", "reservation_id", "is_held", *_LINE],
        sa.select(
            sa.cast(TENANT, _UUID),
            p("id", type_=_UUID).label("id_"),
            sa.true(),
            *_given.c,
        ),
    )
    .cte("lines_added")
)


def _sums(of: Any) -> Any:
    """Return how much there is of each account."""
    quantity = sa.func.sum(of.c.quantity, type_=_QUANTITY).label("quantity")
    return sa.select(of.c.account_id, quantity).group_by(of.c.account_id).subquery("sums")


def _reserving(sums: Any, change: Any, account_ids: Any) -> Any:
    """Return what changes `reserved` on accounts: by key, not by a join with all balances."""
    return (
        sa.update(balances)
        .where(
            balances.c.tenant_id == TENANT,
            balances.c.account_id == sa.any_(account_ids),
            balances.c.account_id == sums.c.account_id,
        )
        .values(reserved=balances.c.reserved + change)
    )


_new = _sums(_given)
_reserved = _reserving(_new, _new.c.quantity, p("account_id", type_=ARRAY(_UUID)))
ADD: Final = Statement(sa.select(_added.c.id).add_cte(_lines_added, _reserved.cte("reserved")))


def _freeing(account_ids: Any, *conditions: Any) -> tuple[Any, Any]:
    """Return what ends the hold of lines, and takes it from their balances; and the sums of it."""
    freed = (
        sa.update(reservation_lines)
        .where(reservation_lines.c.tenant_id == TENANT, reservation_lines.c.is_held, *conditions)
        .values(is_held=sa.false())
        .returning(reservation_lines.c.account_id, reservation_lines.c.quantity)
        .cte("freed")
    )
    sums = _sums(freed)
    return _reserving(sums, -sums.c.quantity, account_ids), sums


_freed, _ = _freeing(
    sa.func.array(_wanted.scalar_subquery()),
    reservation_lines.c.reservation_id == p("id", type_=_UUID),
)
CLOSE: Final = Statement(
    sa.update(reservations)
    .where(reservations.c.tenant_id == TENANT, reservations.c.id == p("id", type_=_UUID), _OPEN)
    .values(state=p("state_", type_=_TEXT), transaction_id=p("transaction", type_=_UUID))
    .returning(reservations.c.id)
    .add_cte(_freed.cte("balanced"))
)
EXTEND: Final = Statement(
    sa.update(reservations)
    .where(reservations.c.tenant_id == TENANT, reservations.c.id == p("id_"), _OPEN)
    .values(expires_at=p("until"))
    .returning(reservations.c.id)
)

_account_ids = p("account_ids", type_=ARRAY(_UUID))
_expired, _sums_expired = _freeing(
    _account_ids,
    _of_reservation,
    reservation_lines.c.account_id == sa.any_(_account_ids),
    _OPEN,
    # Later than the balances were held, and unlike the clock something to search an index by.
    reservations.c.expires_at <= sa.func.statement_timestamp(),
)
FREE_EXPIRED: Final = Statement(
    _expired.returning(_sums_expired.c.account_id, _sums_expired.c.quantity)
)
"""Ends what expired reservations hold of accounts whose balances are held: of these alone."""

DUE: Final = Statement(
    sa.select(reservations.c.id, reservations.c.expires_at)
    .where(
        reservations.c.tenant_id == TENANT,
        _OPEN,
        reservations.c.expires_at <= sa.func.now(),
        sa.tuple_(reservations.c.expires_at, reservations.c.id)
        > sa.tuple_(p("since", type_=sa.DateTime(timezone=True)), p("behind", type_=_UUID)),
    )
    .order_by(reservations.c.expires_at, reservations.c.id)
    .limit(sa.literal_column("200"))
)
"""A page of the open reservations whose time is over."""

_IS_DUE: Final = reservations.c.expires_at <= sa.func.now()


def _is(state: ReservationState) -> Any:
    return reservations.c.state == sa.literal_column(f"'{state}'")


CONDITIONS: Final[dict[ReservationState, Any]] = {
    ReservationState.OPEN: sa.and_(_OPEN, ~_IS_DUE),
    ReservationState.CONFIRMED: _is(ReservationState.CONFIRMED),
    ReservationState.RELEASED: _is(ReservationState.RELEASED),
    # Some of them nobody has written down yet.
    ReservationState.EXPIRED: sa.and_(
        reservations.c.state.in_(
            sa.literal_column(f"'{state}'")
            for state in (ReservationState.OPEN, ReservationState.EXPIRED)
        ),
        _IS_DUE,
    ),
}


@lru_cache
def reservations_statement(
    state: ReservationState | None, *, descending: bool, resumed: bool
) -> Statement:
    """Return the statement of a page of the ids of reservations, of one state or of all."""
    rows = sa.select(reservations.c.id).where(reservations.c.tenant_id == TENANT)
    if state is not None:
        rows = rows.where(CONDITIONS[state])
    return keyset_page(rows, [reservations.c.id], descending=descending, resumed=resumed)
