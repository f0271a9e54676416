"""The statements of a batch: lock what there is, look up units, then write all rows at once."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, JSON, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.turns import Turn, taking
from sokho.modules.items.domain.entities import Item
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
    column.name
    for column in items.columns
    if column.name not in {"tenant_id", "created_at", "updated_at"}
)
"""The columns that each row of a batch brings: the tenant is one, and the times are the store's."""

_BETWEEN_TAGS: Final = "\n"


def given(rows: Sequence[Item]) -> dict[str, object]:
    """Return the parameters of `SAVE`: each column of `GIVEN`, row by row, as a JSON array.

    Raises `ValueError` where the rows, of which there is at least one, are not of one tenant.
    """
    [tenant_id] = {row.tenant_id for row in rows}
    columns = {name: [*map(attrgetter(name), rows)] for name in GIVEN}
    # A tag is one line, so it holds no end of one.
    columns["tags"] = [*map(_BETWEEN_TAGS.join, columns["tags"])]
    texts = {name: msgspec.json.encode(column).decode() for name, column in columns.items()}
    return {"tenant_id": tenant_id, **texts}


# One JSON array for each column, read side by side. The driver hands each over as it is, and goes
# through an array of PostgreSQL's element by element, which takes it four times as long. A row as
# an object takes PostgreSQL twice as long, for it then has the names to find. And the planner
# expects a hundred rows of these, which it looks up, and not a thousand, for which it would look
# through all of some 20 000 items.
_texts = sa.select(
    *(sa.func.json_array_elements_text(p(name, type_=JSON)).label(name) for name in GIVEN)
).subquery("texts")
_read: Final[dict[str, Any]] = {
    name: sa.cast(text, items.c[name].type) for name, text in _texts.c.items()
} | {"tags": sa.func.string_to_array(_texts.c.tags, sa.literal_column(r"E'\n'"))}
# Read in a step of its own: a cast is not leakproof, and what is compared with one is not looked up
# under row-level security.
_given = sa.select(*(value.label(name) for name, value in _read.items())).cte("given")
_values: Final[dict[str, Any]] = dict(_given.c.items())

_new = (
    insert(items)
    .from_select(
        ["tenant_id", *GIVEN, "created_at", "updated_at"],
        sa.select(p("tenant_id", type_=sa.Uuid), *_values.values(), sa.func.now(), sa.func.now())
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
        {name: value for name, value in _values.items() if name != "id"}
        | {"updated_at": UPDATED_AT}
    )
    .returning(items.c.tenant_id, items.c.id, items.c.tags)
    .cte("changed_items")
)
_written = sa.union_all(sa.select(_new), sa.select(_changed)).subquery("written")
# Mostly all are made, and then it need not be told which.
_are_fewer = sa.func.count() < p("wanted", type_=sa.Integer)
_ids = sa.func.coalesce(sa.func.array_agg(_new.c.id), sa.literal_column("'{}'::uuid[]"))
_made = sa.select(sa.case((_are_fewer, _ids)).label("made")).where(_new.c.tenant_id == TENANT)
SAVE_NEW = Statement(_made.add_cte(tags_indexed(_new)))
SAVE = Statement(_made.add_cte(_changed, tags_gone(_changed), tags_indexed(_written)))
