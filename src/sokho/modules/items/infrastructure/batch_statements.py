"""The statements of a batch: lock what there is, look up units, then write all rows at once."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

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


# One JSON array of all rows. The driver encodes it in a quarter of the time that an array of each
# column takes it, element by element; and the planner expects a hundred rows from it, which it
# looks up, and not a thousand, for which it would look through all of some 20 000 items.
_given = (
    sa.func.jsonb_to_recordset(p("rows", type_=JSONB))
    .table_valued(*(sa.column(name, items.c[name].type) for name in GIVEN), name="given")
    .render_derived(with_types=True)
)
_values: Final[dict[str, Any]] = {name: _given.c[name] for name in GIVEN}

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
_made = sa.select(_new.c.id).where(_new.c.tenant_id == TENANT)
SAVE_NEW = Statement(_made.add_cte(tags_indexed(_new)))
SAVE = Statement(_made.add_cte(_changed, tags_gone(_changed), tags_indexed(_written)))
