"""The statements of a batch: lock what there is, look up units, then write all rows at once."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.turns import Turn, taking
from sokho.modules.items.infrastructure.tables import items
from sokho.modules.items.infrastructure.tag_steps import tags_gone, tags_indexed

UPDATED_AT: Final = sa.func.greatest(items.c.updated_at, sa.func.now())
"""Never before the last change: a transaction that waited for a row began before it got it."""

_units = sa.table("units", sa.column("tenant_id", sa.Uuid), sa.column("code", sa.Text))

# A batch that meets a new SKU of another waits for it while it holds rows of its own. Locks in
# the order of keys cannot keep three such from waiting in a circle; taking turns can.
TAKE_TURN = taking(Turn.ITEM_BATCHES)

LOCK = Statement(
    sa.select(items)
    .where(
        items.c.tenant_id == TENANT, items.c.sku_key == sa.any_(p("sku_keys", type_=ARRAY(sa.Text)))
    )
    .order_by(items.c.sku_key)
    .with_for_update(key_share=True)
)

KNOWN_UNITS = Statement(
    sa.select(_units.c.code).where(
        _units.c.tenant_id == TENANT, _units.c.code == sa.any_(p("codes", type_=ARRAY(sa.Text)))
    )
)

GIVEN: Final = tuple(
    column.name for column in items.columns if column.name not in {"created_at", "updated_at"}
)
"""The columns that a row of a batch brings; the times are the store's."""


def _type_in_array(column: sa.Column[Any]) -> Any:
    """Return what an array of the column's values holds.

    An array of arrays would have to be a rectangle, so tags travel as the text of an array.
    """
    return sa.Text() if isinstance(column.type, sa.ARRAY) else column.type


_types = {name: _type_in_array(items.c[name]) for name in GIVEN}
_given = (
    sa.func.unnest(*(p(name, type_=ARRAY(type_)) for name, type_ in _types.items()))
    .table_valued(*(sa.column(name, type_) for name, type_ in _types.items()), name="given")
    .render_derived()
)
_values: Final[dict[str, Any]] = {
    name: sa.cast(_given.c[name], items.c[name].type) for name in GIVEN
}

_new = (
    insert(items)
    .from_select(
        [*GIVEN, "created_at", "updated_at"],
        sa.select(*_values.values(), sa.func.now(), sa.func.now())
        .where(_given.c.version == 1)
        .order_by(_given.c.sku_key),
    )
    .on_conflict_do_nothing(index_elements=["tenant_id", "sku_key"])
    .returning(items.c.tenant_id, items.c.id, items.c.tags)
    .cte("new_items")
)
_changed = (
    sa.update(items)
    .where(
        items.c.tenant_id == TENANT,
        items.c.id == _given.c.id,
        items.c.version == _given.c.version - 1,
    )
    .values(
        {name: value for name, value in _values.items() if name not in {"tenant_id", "id"}}
        | {"updated_at": UPDATED_AT}
    )
    .returning(items.c.tenant_id, items.c.id, items.c.tags)
    .cte("changed_items")
)
_written = sa.union_all(sa.select(_new), sa.select(_changed)).subquery("written")
SAVE = Statement(
    sa.select(_new.c.id).add_cte(_changed, tags_gone(_changed), tags_indexed(_written))
)


def array_text(values: Iterable[str]) -> str:
    """Return texts as PostgreSQL writes an array of them, each in double quotes."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
