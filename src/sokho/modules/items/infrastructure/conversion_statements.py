"""The statements on conversions: how an item's other units convert to its own."""

from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page
from sokho.modules.items.infrastructure.tables import item_conversions, items

_CONVERSIONS = sa.and_(
    item_conversions.c.tenant_id == TENANT, item_conversions.c.item_id == p("item_id")
)
_stock_accounts = sa.table(
    "stock_accounts", *(sa.column(name, sa.Uuid()) for name in ("tenant_id", "item_id"))
)
WITH_FIXED_UNIT = Statement(
    sa.union(
        *(
            sa.select(table.c.item_id).where(
                table.c.tenant_id == TENANT,
                table.c.item_id == sa.any_(p("ids", type_=ARRAY(sa.Uuid))),
            )
            for table in (item_conversions, _stock_accounts)
        )
    )
)
GET_CONVERSION = Statement(
    sa.select(item_conversions).where(_CONVERSIONS, item_conversions.c.unit == p("unit"))
)
# Until the conversion is written nobody may give the item another unit.
HOLD_UNIT = Statement(
    sa.select(items.c.unit)
    .where(items.c.tenant_id == TENANT, items.c.id == p("id"))
    .with_for_update(key_share=True)
)
_conversion_columns = [column.name for column in item_conversions.columns]
_terms = ("numerator", "denominator")
_put = insert(item_conversions).values({name: p(name) for name in _conversion_columns})
PUT_CONVERSION = Statement(
    _put.on_conflict_do_update(
        index_elements=["tenant_id", "item_id", "unit"],
        set_={name: _put.excluded[name] for name in _terms},
    ).returning(item_conversions.c.unit)
)
DELETE_CONVERSION = Statement(
    sa.delete(item_conversions)
    .where(_CONVERSIONS, item_conversions.c.unit == p("unit"))
    .returning(item_conversions)
)


@lru_cache
def conversions_statement(*, descending: bool, resumed: bool) -> Statement:
    """Return the statement that lists an item's conversions by unit."""
    rows = sa.select(item_conversions).where(_CONVERSIONS)
    return keyset_page(rows, [item_conversions.c.unit], descending=descending, resumed=resumed)
