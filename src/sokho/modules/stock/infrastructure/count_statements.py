"""The statements of stocktakes."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page
from sokho.modules.stock.domain.documents import AccountKind
from sokho.modules.stock.infrastructure.tables import accounts, balances, count_lines, counts

_UUID, _TEXT, _QUANTITY = sa.Uuid(), sa.Text(), sa.Numeric(20, 6)
_NOW: Final[Any] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
_ZERO: Final[Any] = sa.literal_column("0")

_items = sa.table(
    "items",
    *(sa.column(name, _UUID) for name in ("tenant_id", "id")),
    *(sa.column(name, _TEXT) for name in ("sku", "name", "unit", "barcode")),
)
_locations = sa.table(
    "locations",
    *(sa.column(name, _UUID) for name in ("tenant_id", "id")),
    sa.column("status", _TEXT),
)

LOCATION: Final = Statement(
    sa.select(_locations.c.status).where(
        _locations.c.tenant_id == TENANT, _locations.c.id == p("location_id")
    )
)

_shown = [column for column in counts.c if column.name != "tenant_id"]
_opened = (
    sa.insert(counts)
    .values(
        tenant_id=TENANT,
        state="open",
        opened_at=_NOW,
        **{name: p(name, type_=counts.c[name].type) for name in ("id", "location_id", "note")},
        actor=p("actor", type_=_TEXT),
    )
    .returning(*_shown)
    .cte("opened")
)
_there = (
    sa.select(
        sa.cast(TENANT, _UUID).label("tenant_id_"),
        p("id", type_=_UUID).label("id_"),
        accounts.c.item_id,
        balances.c.on_hand,
    )
    .select_from(
        accounts.join(
            balances,
            sa.and_(balances.c.tenant_id == TENANT, balances.c.account_id == accounts.c.id),
        )
    )
    .where(
        accounts.c.tenant_id == TENANT,
        accounts.c.kind == sa.literal_column(f"'{AccountKind.ON_HAND}'"),
        accounts.c.location_id == p("location_id"),
        balances.c.on_hand > _ZERO,
    )
)
_expected = sa.insert(count_lines).from_select(
    ["tenant_id", "count_id", "item_id", "expected"], _there
)
OPEN_COUNT: Final = Statement(sa.select(_opened).add_cte(_expected.cte("expected")))
"""Opens a stocktake, with what the books have at the location on one snapshot."""

_OURS: Final = counts.c.tenant_id == TENANT
_one = sa.select(*_shown).where(_OURS, counts.c.id == p("id"))
GET_COUNT: Final = Statement(_one)
HOLD_COUNT: Final = Statement(_one.with_for_update())
CLOSE: Final = Statement(
    sa.update(counts)
    .where(_OURS, counts.c.id == p("id"))
    .values(
        state=p("state", type_=_TEXT),
        transaction_id=p("transaction_id", type_=_UUID),
        closed_at=_NOW,
    )
    .returning(*_shown)
)

_barcode: Final[Any] = (
    sa.func.unnest(p("barcodes", type_=ARRAY(_TEXT)))
    .table_valued(sa.column("barcode", _TEXT), name="wanted")
    .render_derived()
)
_with_it = (
    sa.select(_items.c.id)
    .where(_items.c.tenant_id == TENANT, _items.c.barcode == _barcode.c.barcode)
    .limit(sa.literal_column("2"))
    .lateral("item")
)
BARCODES: Final = Statement(
    sa.select(_barcode.c.barcode, _with_it.c.id).select_from(_barcode.join(_with_it, sa.true()))
)
"""The items with each barcode, by key: two of them are as many as several."""

_item_ids: Final = p("item_ids", type_=ARRAY(_UUID))
_of_count: Final = (count_lines.c.tenant_id == TENANT, count_lines.c.count_id == p("id"))
COUNTED: Final = Statement(
    sa.select(count_lines.c.item_id, count_lines.c.counted).where(
        *_of_count, count_lines.c.item_id == sa.any_(_item_ids), count_lines.c.counted.is_not(None)
    )
)

_given: Final[Any] = (
    sa.func.unnest(_item_ids, p("quantities", type_=ARRAY(_QUANTITY)))
    .table_valued(sa.column("item_id", _UUID), sa.column("quantity", _QUANTITY), name="given")
    .render_derived()
)
_written = insert(count_lines).from_select(
    ["tenant_id", "count_id", "item_id", "expected", "counted"],
    # What the books did not have when the stocktake was opened was expected not to be there.
    sa.select(
        sa.cast(TENANT, _UUID), p("id", type_=_UUID), _given.c.item_id, _ZERO, _given.c.quantity
    ),
)
WRITE: Final = Statement(
    _written.on_conflict_do_update(
        index_elements=["tenant_id", "count_id", "item_id"],
        set_={"counted": _written.excluded.counted},
    )
)

_sheet = (
    sa.select(
        count_lines.c.item_id,
        *(_items.c[name] for name in ("sku", "name", "unit")),
        count_lines.c.expected,
        count_lines.c.counted,
    )
    .select_from(
        count_lines.join(
            _items, sa.and_(_items.c.tenant_id == TENANT, _items.c.id == count_lines.c.item_id)
        )
    )
    .where(*_of_count)
)
LINES_OF: Final = Statement(
    _sheet.where(count_lines.c.item_id == sa.any_(_item_ids)).order_by(count_lines.c.item_id)
)


@lru_cache
def sheet_statement(*, descending: bool, resumed: bool) -> Statement:
    """Return the statement of a page of a sheet, by item."""
    return keyset_page(_sheet, [count_lines.c.item_id], descending=descending, resumed=resumed)


COUNT_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    name: counts.c[name] == p(name) for name in ("location_id", "state")
}


@lru_cache
def counts_statement(conditions: frozenset[str], *, descending: bool, resumed: bool) -> Statement:
    """Return the statement of a page of stocktakes, for one combination of filters."""
    rows = sa.select(*_shown).where(_OURS, *(COUNT_CONDITIONS[name] for name in sorted(conditions)))
    return keyset_page(rows, [counts.c.id], descending=descending, resumed=resumed)


@lru_cache
def differing_statement(*, uncounted_as_zero: bool) -> Statement:
    """Return the statement of the items of a stocktake whose count differs, and by how much."""
    counted, expected = count_lines.c.counted, count_lines.c.expected
    found = sa.func.coalesce(counted, _ZERO) if uncounted_as_zero else counted
    return Statement(
        sa.select(count_lines.c.item_id, sa.func.trim_scale(found - expected).label("by"))
        .where(*_of_count, found != expected)
        .order_by(count_lines.c.item_id)
        .limit(p("limit", type_=sa.Integer))
    )
