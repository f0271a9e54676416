"""The statements of posting: look up and hold, open accounts, then write all at once."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.infrastructure.document_numbers import COUNTED, DOCUMENT_NO
from sokho.modules.stock.infrastructure.tables import (
    accounts,
    balances,
    moves,
    transactions,
)

_UUID, _TEXT, _NUMBER = sa.Uuid(), sa.Text(), sa.Integer()
_BIG, _QUANTITY, _BYTES = sa.BigInteger(), sa.Numeric(20, 6), sa.LargeBinary()


def _table(name: str, **columns: Any) -> Any:
    """Return another module's table, as far as it is read here."""
    return sa.table(name, *(sa.column(column, type_) for column, type_ in columns.items()))


def _given(name: str, **columns: Any) -> Any:
    """Return rows that are given as one array for each column."""
    arrays = (p(column, type_=ARRAY(type_)) for column, type_ in columns.items())
    listed = (sa.column(column, type_) for column, type_ in columns.items())
    return sa.func.unnest(*arrays).table_valued(*listed, name=name).render_derived()


_items = _table(
    "items", tenant_id=_UUID, id=_UUID, sku=_TEXT, sku_key=_TEXT, status=_TEXT, unit=_TEXT
)
_conversions = _table(
    "item_conversions", tenant_id=_UUID, item_id=_UUID, unit=_TEXT, numerator=_BIG, denominator=_BIG
)
_units = _table("units", tenant_id=_UUID, code=_TEXT, decimals=_NUMBER)
_own, _entered = _units.alias("own"), _units.alias("entered")
_locations = _table("locations", tenant_id=_UUID, id=_UUID, status=_TEXT)
_tenants = _table("tenants", id=_UUID, time_zone=_TEXT)

_line = _given(
    "line",
    line_no=_NUMBER,
    item_id=_UUID,
    sku_key=_TEXT,
    unit=_TEXT,
    from_kind=_TEXT,
    from_location_id=_UUID,
    to_kind=_TEXT,
    to_location_id=_UUID,
)
_namesake = _items.alias("namesake")
_named = (
    sa.select(_namesake.c.id)
    .where(_namesake.c.tenant_id == TENANT, _namesake.c.sku_key == _line.c.sku_key)
    .correlate(_line)
    .scalar_subquery()
)


class _End:
    """One end of each line: its location, its account and, once that is held, its balance."""

    def __init__(self, side: str) -> None:
        self._kind, self._location_id = _line.c[f"{side}_kind"], _line.c[f"{side}_location_id"]
        self.location = _locations.alias(f"{side}_location")
        self.account = accounts.alias(f"{side}_account")
        self.columns = (
            self.location.c.status.label(f"{side}_status"),
            self.account.c.id.label(f"{side}_account"),
        )

    def joined_to(self, rows: Any) -> Any:
        """Return `rows` with what is known of this end, where anything is."""
        location, account = self.location.c, self.account.c
        return rows.outerjoin(
            self.location,
            sa.and_(location.tenant_id == TENANT, location.id == self._location_id),
        ).outerjoin(
            self.account,
            sa.and_(
                account.tenant_id == TENANT,
                account.item_id == _items.c.id,
                account.kind == self._kind,
                account.location_id.is_not_distinct_from(self._location_id),
            ),
        )


_ENDS: Final = (_End("from"), _End("to"))

_rows: Any = (
    _line.outerjoin(
        _items,
        sa.and_(
            _items.c.tenant_id == TENANT, _items.c.id == sa.func.coalesce(_line.c.item_id, _named)
        ),
    )
    .outerjoin(_own, sa.and_(_own.c.tenant_id == TENANT, _own.c.code == _items.c.unit))
    .outerjoin(_entered, sa.and_(_entered.c.tenant_id == TENANT, _entered.c.code == _line.c.unit))
    .outerjoin(
        _conversions,
        sa.and_(
            _conversions.c.tenant_id == TENANT,
            _conversions.c.item_id == _items.c.id,
            _conversions.c.unit == _line.c.unit,
        ),
    )
)
for _end in _ENDS:
    _rows = _end.joined_to(_rows)

_known = (
    sa.select(
        _line.c.line_no,
        _items.c.id.label("item_id"),
        *(_items.c[name] for name in ("sku", "status", "unit")),
        _own.c.decimals,
        _entered.c.decimals.label("entered_decimals"),
        *(_conversions.c[name] for name in ("numerator", "denominator")),
        *(column for end in _ENDS for column in end.columns),
    )
    .select_from(_rows)
    .cte("known")
)


def _held(wanted: Any) -> Any:
    """Return the balances of the `wanted` accounts, held in the order of the accounts."""
    return (
        sa.select(balances)
        .where(
            balances.c.tenant_id == TENANT,
            balances.c.account_id == sa.any_(sa.func.array(wanted.scalar_subquery())),
        )
        .order_by(balances.c.account_id)
        .with_for_update()
        .cte("held")
    )


_both = sa.union(sa.select(_known.c.from_account), sa.select(_known.c.to_account)).subquery()
_is_open = ~sa.exists().where(
    sa.func.num_nulls(_known.c.from_account, _known.c.to_account) > sa.literal_column("0")
)
_books = _held(sa.select(_both.c.from_account).where(_is_open))
_from_balance, _to_balance = _books.alias("from_balance"), _books.alias("to_balance")
_BALANCE: Final = ("on_hand", "reserved", "seq", "posted_at", "minimum")

_time_zone = (
    sa.select(_tenants.c.time_zone)
    .where(_tenants.c.id == TENANT)
    .limit(sa.literal_column("1"))
    .scalar_subquery()
)
_CLOCK: Final = (
    sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)).label("now"),
    _time_zone.label("time_zone"),
)

LOOK_UP: Final = Statement(
    sa.select(
        _known,
        *(_from_balance.c[name].label(f"from_{name}") for name in _BALANCE),
        *(_to_balance.c[name].label(f"to_{name}") for name in _BALANCE),
        *_CLOCK,
    )
    .select_from(
        _known.outerjoin(
            _from_balance, _from_balance.c.account_id == _known.c.from_account
        ).outerjoin(_to_balance, _to_balance.c.account_id == _known.c.to_account)
    )
    .order_by(_known.c.line_no)
)
"""What is known of each line; balances only where every line has its accounts."""

_account_ids = p("account_ids", type_=ARRAY(_UUID))
_reversed = _held(sa.select(sa.func.unnest(_account_ids)))
HOLD: Final = Statement(sa.select(_reversed, *_CLOCK))

_new = _given("new", id=_UUID, item_id=_UUID, kind=_TEXT, location_id=_UUID)
# Until the first move of an item is posted nobody may give it another unit.
_kept = (
    sa.select(_items.c.id)
    .where(_items.c.tenant_id == TENANT, _items.c.id == sa.any_(p("item_id", type_=ARRAY(_UUID))))
    .order_by(_items.c.id)
    .with_for_update(read=True)
    .cte("kept")
)
_opened = (
    insert(accounts)
    .from_select(
        ["tenant_id", "id", "item_id", "kind", "location_id"],
        # In one order, so that of two who open the same accounts one waits, and not both.
        sa.select(sa.cast(TENANT, _UUID), _new)
        .select_from(_new.join(_kept, _kept.c.id == _new.c.item_id))
        .order_by(_new.c.item_id, _new.c.kind, _new.c.location_id),
    )
    .on_conflict_do_nothing()
    .returning(accounts)
    .cte("opened")
)
OPEN: Final = Statement(
    sa.insert(balances)
    .from_select(
        ["tenant_id", "account_id", "on_hand", "reserved", "seq"],
        sa.select(
            _opened.c.tenant_id, _opened.c.id, *(sa.literal_column("0") for _ in range(3))
        ).where(_opened.c.kind == sa.literal_column("'on_hand'")),
    )
    .returning(balances.c.account_id),
    of_the_business=False,
)

# Number and time exist only now, behind every lock; the time never goes back on an account.
_one = sa.select(sa.literal_column("1").label("one")).subquery("one")
_head = (
    sa.select(
        DOCUMENT_NO.label("document_no"),
        sa.func.greatest(
            sa.func.clock_timestamp(), p("not_before", type_=sa.DateTime(timezone=True))
        ).label("posted_at"),
    )
    .select_from(_one.outerjoin(COUNTED, sa.true()))
    .cte("head")
)


def _sha256(*parts: Any) -> Any:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.op("||")(part)
    return sa.func.sha256(whole, type_=_BYTES)


# HMAC (RFC 2104) of the message and of what only the database knows; see `Seal`.
_rest = sa.func.convert_to(
    _head.c.document_no
    + "|"
    + sa.cast(sa.cast(sa.extract("epoch", _head.c.posted_at) * 1_000_000, sa.BigInteger), _TEXT),
    "UTF8",
    type_=_BYTES,
)
_digest = _sha256(
    p("outer_key", type_=_BYTES),
    _sha256(p("inner_key", type_=_BYTES), p("message", type_=_BYTES), _rest),
)

_transaction_values: dict[str, Any] = {
    "tenant_id": sa.cast(TENANT, _UUID),
    **{column.name: p(column.name, type_=column.type) for column in transactions.columns},
}
_transaction_values |= {
    "tenant_id": sa.cast(TENANT, _UUID),
    "document_no": _head.c.document_no,
    "posted_at": _head.c.posted_at,
    "digest": _digest,
}
_posted = (
    sa.insert(transactions)
    .from_select(
        list(_transaction_values),
        sa.select(*(value.label(f"{name}_") for name, value in _transaction_values.items())),
    )
    .returning(transactions.c.document_no, transactions.c.posted_at)
    .cte("posted")
)

_move = _given(
    "move",
    **{
        name: moves.c[name].type
        for name in (
            *("line_no", "item_id", "quantity", "entered_quantity", "entered_unit"),
            *("from_account", "from_seq", "from_after", "to_account", "to_seq", "to_after"),
        )
    },
)
_moved = sa.insert(moves).from_select(
    [
        *("tenant_id", "transaction_id", "effective_at", "posted_at"),
        *(column.name for column in _move.c),
    ],
    sa.select(
        sa.cast(TENANT, _UUID).label("tenant_id_"),
        p("id", type_=_UUID).label("id_"),
        p("effective_at", type_=sa.DateTime(timezone=True)).label("effective_at_"),
        _head.c.posted_at,
        *_move.c,
    ),
)
_balance = _given("balance", account_id=_UUID, on_hand=_QUANTITY, seq=_BIG)
_balanced = (
    sa.update(balances)
    .where(balances.c.tenant_id == TENANT, balances.c.account_id == _balance.c.account_id)
    .values(on_hand=_balance.c.on_hand, seq=_balance.c.seq, posted_at=_head.c.posted_at)
)
POST: Final = Statement(sa.select(_posted).add_cte(_moved.cte("moved"), _balanced.cte("balanced")))
