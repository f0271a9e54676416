"""The statements of posting: look up and hold, open accounts, then write all at once."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.infrastructure.document_numbers import COUNTED, DOCUMENT_NO
from sokho.modules.stock.infrastructure.period_statements import LOCK_COLUMNS, latest_lock
from sokho.modules.stock.infrastructure.tables import (
    accounts,
    balances,
    moves,
    transactions,
)

_UUID, _TEXT, _NUMBER = sa.Uuid(), sa.Text(), sa.Integer()
_BIG, _QUANTITY, _BYTES = sa.BigInteger(), sa.Numeric(20, 6), sa.LargeBinary()
_INSTANT: Final = sa.DateTime(timezone=True)


def _table(name: str, **columns: Any) -> Any:
    """Return another module's table, as far as it is read here."""
    return sa.table(name, *(sa.column(column, type_) for column, type_ in columns.items()))


def _given(name: str, **columns: Any) -> Any:
    """Return rows that are given as a list of objects: one parameter, whatever the columns."""
    listed = (sa.column(column, type_) for column, type_ in columns.items())
    given = sa.func.jsonb_to_recordset(p(name, type_=JSONB)).table_valued(*listed, name=name)
    return given.render_derived(with_types=True)


_items = _table(
    "items", tenant_id=_UUID, id=_UUID, sku=_TEXT, sku_key=_TEXT, status=_TEXT, unit=_TEXT
)
_conversions = _table(
    "item_conversions", tenant_id=_UUID, item_id=_UUID, unit=_TEXT, numerator=_BIG, denominator=_BIG
)
_units = _table("units", tenant_id=_UUID, code=_TEXT, decimals=_NUMBER)
_locations = _table("locations", tenant_id=_UUID, id=_UUID, status=_TEXT)
_tenants = _table("tenants", id=_UUID, time_zone=_TEXT)
_ONE: Final[Any] = sa.literal_column("1")

_line = _given(
    "lines",
    line_no=_NUMBER,
    item_id=_UUID,
    sku_key=_TEXT,
    unit=_TEXT,
    from_kind=_TEXT,
    from_location_id=_UUID,
    to_kind=_TEXT,
    to_location_id=_UUID,
)


def _one(name: str, *columns: Any, where: tuple[Any, ...]) -> Any:
    """Return the one row of a table that belongs to a line.

    The LIMIT keeps it a look-up by key for each line: a join might read all that a business has.
    """
    return sa.select(*columns).where(*where).limit(_ONE).lateral(name)


_namesake = _items.alias("namesake")
_named = (
    sa.select(_namesake.c.id)
    .where(_namesake.c.tenant_id == TENANT, _namesake.c.sku_key == _line.c.sku_key)
    .correlate(_line)
    .scalar_subquery()
)
_item = _one(
    "item",
    *(_items.c[name] for name in ("id", "sku", "status", "unit")),
    where=(
        _items.c.tenant_id == TENANT,
        _items.c.id == sa.func.coalesce(_line.c.item_id, _named),
    ),
)
_own, _entered = (
    _one(name, _units.c.decimals, where=(_units.c.tenant_id == TENANT, _units.c.code == code))
    for name, code in (("own", _item.c.unit), ("entered", _line.c.unit))
)
_conversion = _one(
    "conversion",
    _conversions.c.numerator,
    _conversions.c.denominator,
    where=(
        _conversions.c.tenant_id == TENANT,
        _conversions.c.item_id == _item.c.id,
        _conversions.c.unit == _line.c.unit,
    ),
)


class _End:
    """One end of each line: its location, its account and, once that is held, its balance."""

    def __init__(self, side: str) -> None:
        kind, location_id = _line.c[f"{side}_kind"], _line.c[f"{side}_location_id"]
        self.location = _one(
            f"{side}_location",
            _locations.c.status,
            where=(_locations.c.tenant_id == TENANT, _locations.c.id == location_id),
        )
        self.account = _one(
            f"{side}_account",
            accounts.c.id,
            where=(
                accounts.c.tenant_id == TENANT,
                accounts.c.item_id == _item.c.id,
                accounts.c.kind == kind,
                accounts.c.location_id.is_not_distinct_from(location_id),
            ),
        )
        self.columns = (
            self.location.c.status.label(f"{side}_status"),
            self.account.c.id.label(f"{side}_account"),
        )


_ENDS: Final = (_End("from"), _End("to"))

_rows: Any = _line
for _found in (
    *(_item, _own, _entered, _conversion),
    *(found for end in _ENDS for found in (end.location, end.account)),
):
    _rows = _rows.outerjoin(_found, sa.true())

_known = (
    sa.select(
        _line.c.line_no,
        _item.c.id.label("item_id"),
        *(_item.c[name] for name in ("sku", "status", "unit")),
        _own.c.decimals,
        _entered.c.decimals.label("entered_decimals"),
        *(_conversion.c[name] for name in ("numerator", "denominator")),
        *(column for end in _ENDS for column in end.columns),
    )
    .select_from(_rows)
    .cte("known")
)


def held(wanted: Any) -> Any:
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
_books = held(sa.select(_both.c.from_account).where(_is_open))
_from_balance, _to_balance = _books.alias("from_balance"), _books.alias("to_balance")
_BALANCE: Final = ("on_hand", "reserved", "seq", "posted_at", "effective_at", "minimum")

_time_zone = (
    sa.select(_tenants.c.time_zone)
    .where(_tenants.c.id == TENANT)
    .limit(sa.literal_column("1"))
    .scalar_subquery()
)
GENERAL: Final = (
    sa.func.clock_timestamp(type_=_INSTANT).label("now"),
    _time_zone.label("time_zone"),
    *(latest_lock(name).label(label) for name, label in LOCK_COLUMNS.items()),
)
"""What else the books have to say: the time, where the business is, what is locked."""

LOOK_UP: Final = Statement(
    sa.select(
        _known,
        *(_from_balance.c[name].label(f"from_{name}") for name in _BALANCE),
        *(_to_balance.c[name].label(f"to_{name}") for name in _BALANCE),
        *GENERAL,
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
_reversed = held(sa.select(sa.func.unnest(_account_ids)))
HOLD: Final = Statement(sa.select(_reversed, *GENERAL))

_new = _given("new_accounts", id=_UUID, item_id=_UUID, kind=_TEXT, location_id=_UUID)
# Until the first move of an item is posted nobody may give it another unit, or its units others
# decimals.
_item_ids = p("item_ids", type_=ARRAY(_UUID))
_kept = (
    sa.select(_items.c.id, _items.c.unit)
    .where(_items.c.tenant_id == TENANT, _items.c.id == sa.any_(_item_ids))
    .order_by(_items.c.id)
    .with_for_update(read=True)
    .cte("kept")
)
_told = _units.alias("told")
_codes = sa.union(
    sa.select(_kept.c.unit),
    sa.select(_conversions.c.unit).where(
        _conversions.c.tenant_id == TENANT, _conversions.c.item_id == sa.any_(_item_ids)
    ),
)
_kept_units = (
    sa.select(_told.c.code)
    .where(
        _told.c.tenant_id == TENANT,
        _told.c.code == sa.any_(sa.func.array(_codes.scalar_subquery())),
    )
    .with_for_update(read=True, key_share=True)
    .cte("kept_units")
)
_opened = (
    insert(accounts)
    .from_select(
        ["tenant_id", "id", "item_id", "kind", "location_id"],
        # In one order, so that of two who open the same accounts one waits, and not both.
        sa.select(sa.cast(TENANT, _UUID), _new)
        .select_from(_new.join(_kept, _kept.c.id == _new.c.item_id))
        # Counted, so that all of them are held.
        .where(
            sa.select(sa.func.count()).select_from(_kept_units).scalar_subquery()
            > sa.literal_column("0")
        )
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
# Without a head nothing is posted: a location may have been archived while its balances were
# waited for, and what was looked up of it is older than that.
_is_closed = sa.exists().where(
    _locations.c.tenant_id == TENANT,
    _locations.c.id == sa.any_(p("receiving", type_=ARRAY(_UUID))),
    _locations.c.status == sa.literal_column("'archived'"),
)
_row = sa.select(_ONE.label("one")).subquery("one")
_head = (
    sa.select(
        DOCUMENT_NO.label("document_no"),
        sa.func.greatest(sa.func.clock_timestamp(), p("not_before", type_=_INSTANT)).label(
            "posted_at"
        ),
    )
    .select_from(_row.outerjoin(COUNTED, sa.true()))
    .where(~_is_closed)
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
    "moves",
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
        p("effective_at", type_=_INSTANT).label("effective_at_"),
        _head.c.posted_at,
        *_move.c,
    ),
)
_balance = _given("new_balances", account_id=_UUID, on_hand=_QUANTITY, seq=_BIG)
_balanced = (
    sa.update(balances)
    .where(
        balances.c.tenant_id == TENANT,
        # By key, and never by a join with all balances of the business.
        balances.c.account_id == sa.any_(p("account_ids", type_=ARRAY(_UUID))),
        balances.c.account_id == _balance.c.account_id,
    )
    .values(
        on_hand=_balance.c.on_hand,
        seq=_balance.c.seq,
        posted_at=_head.c.posted_at,
        # The latest of them: a document of the past leaves it.
        effective_at=sa.func.greatest(balances.c.effective_at, p("effective_at", type_=_INSTANT)),
    )
)
POST: Final = Statement(sa.select(_posted).add_cte(_moved.cte("moved"), _balanced.cte("balanced")))
