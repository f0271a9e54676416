"""The statements of posting: enter a document, and open the accounts that it lacks."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.stock.infrastructure.tables import accounts, balances

_UUID, _TEXT, _NUMBER, _FLAG = sa.Uuid(), sa.Text(), sa.Integer(), sa.Boolean()
_BIG, _QUANTITY, _BYTES = sa.BigInteger(), sa.Numeric(), sa.LargeBinary()

_PARAMETERS: Final[dict[str, Any]] = {
    "posts": _FLAG,
    # the document
    "id": _UUID,
    "type": _TEXT,
    "prefix": _TEXT,
    "document_no": _TEXT,
    "external_ref": _TEXT,
    "effective_at": sa.DateTime(timezone=True),
    "note": _TEXT,
    "reason": _TEXT,
    "actor": _TEXT,
    "request_key": _BYTES,
    "reverses_id": _UUID,
    # its lines
    "item_ids": ARRAY(_UUID),
    "sku_keys": ARRAY(_TEXT),
    "units": ARRAY(_TEXT),
    "quantities": ARRAY(_QUANTITY),
    "from_kinds": ARRAY(_TEXT),
    "from_places": ARRAY(_UUID),
    "to_kinds": ARRAY(_TEXT),
    "to_places": ARRAY(_UUID),
    # of lines that were reckoned before
    "line_nos": ARRAY(_NUMBER),
    "own_quantities": ARRAY(_QUANTITY),
    "from_accounts": ARRAY(_UUID),
    "to_accounts": ARRAY(_UUID),
    # the digest
    "header": _BYTES,
    "inner_key": _BYTES,
    "outer_key": _BYTES,
    "digest_key_id": _TEXT,
    # a transaction of its own
    "alone": _FLAG,
    "own_event_id": _UUID,
    "own_event_request_id": _UUID,
    "own_event_changes": JSONB,
    "claim": _BIG,
    "key_hash": _BYTES,
    "fingerprint": _BYTES,
}
_entered = sa.func.enter_stock_document(
    TENANT, *(p(name, type_=type_) for name, type_ in _PARAMETERS.items())
).table_valued("done", "result", name="entered")
ENTER: Final = Statement(sa.select(_entered), writes=True)
"""Enters a document (migration 0013), whole or not at all; `result` is JSON."""

CONSIDER: Final = Statement(sa.select(_entered))
"""The same, for what writes nothing."""


def _table(name: str, **columns: Any) -> Any:
    """Return another module's table, as far as it is read here."""
    return sa.table(name, *(sa.column(column, type_) for column, type_ in columns.items()))


def _given(name: str, **columns: Any) -> Any:
    """Return rows that are given as a list of objects: one parameter, whatever the columns."""
    listed = (sa.column(column, type_) for column, type_ in columns.items())
    given = sa.func.jsonb_to_recordset(p(name, type_=JSONB)).table_valued(*listed, name=name)
    return given.render_derived(with_types=True)


_items = _table("items", tenant_id=_UUID, id=_UUID, unit=_TEXT)
_conversions = _table("item_conversions", tenant_id=_UUID, item_id=_UUID, unit=_TEXT)
_units = _table("units", tenant_id=_UUID, code=_TEXT)


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
