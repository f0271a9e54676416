"""The statements that keep a location from being archived with goods at it."""

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.modules.locations.infrastructure.tables import locations

_accounts = sa.table(
    "stock_accounts", *(sa.column(name, sa.Uuid()) for name in ("tenant_id", "id", "location_id"))
)
_balances = sa.table(
    "stock_balances",
    *(sa.column(name, sa.Uuid()) for name in ("tenant_id", "account_id")),
    sa.column("on_hand", sa.Numeric(20, 6)),
)
_here = sa.select(_accounts.c.id).where(
    _accounts.c.tenant_id == TENANT, _accounts.c.location_id == p("id")
)
_at_location = _balances.c.account_id == sa.any_(sa.func.array(_here.scalar_subquery()))
_has_stock = sa.exists().where(
    _balances.c.tenant_id == TENANT, _at_location, _balances.c.on_hand > 0
)

# The key as well: whoever opens an account at the location has to wait, and is waited for.
CLOSE = Statement(
    sa.select(_has_stock.label("has_stock"))
    .select_from(locations)
    .where(locations.c.tenant_id == TENANT, locations.c.id == p("id"))
    .with_for_update()
)
"""Let no account be opened at a location; whether goods lay there before that was reached."""

# Held in the order in which documents hold them, so that no two wait for each other.
_held = (
    sa.select(_balances.c.on_hand)
    .where(_balances.c.tenant_id == TENANT, _at_location)
    .order_by(_balances.c.account_id)
    .with_for_update()
    .cte("held")
)
HOLD_BALANCES = Statement(sa.select(sa.func.max(_held.c.on_hand).label("most")))
"""Hold the balances of a location; the greatest of them."""
