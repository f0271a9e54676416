"""The statements that read posted transactions and their moves."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.keyset import keyset_page
from sokho.modules.stock.infrastructure.tables import accounts, moves, transactions

_OURS = transactions.c.tenant_id == TENANT
_reversals = transactions.alias("reversals")
_headers = (
    sa.select(transactions, _reversals.c.id.label("reversed_by_id"))
    .select_from(
        transactions.outerjoin(
            _reversals,
            sa.and_(
                _reversals.c.tenant_id == TENANT, _reversals.c.reverses_id == transactions.c.id
            ),
        )
    )
    .where(_OURS)
)

GET: Final = Statement(_headers.where(transactions.c.id == p("id")))

_items = sa.table(
    "items",
    *(sa.column(name, sa.Uuid()) for name in ("tenant_id", "id")),
    sa.column("sku", sa.Text()),
)
_from, _to = accounts.alias("from_account"), accounts.alias("to_account")


def _is(account: Any, id: Any) -> Any:
    return sa.and_(account.c.tenant_id == TENANT, account.c.id == id)


MOVES: Final = Statement(
    sa.select(
        moves,
        _items.c.sku,
        _from.c.location_id.label("from_location_id"),
        _to.c.location_id.label("to_location_id"),
    )
    .select_from(
        moves.join(_items, _is(_items, moves.c.item_id))
        .join(_from, _is(_from, moves.c.from_account))
        .join(_to, _is(_to, moves.c.to_account))
    )
    .where(
        moves.c.tenant_id == TENANT,
        moves.c.transaction_id == sa.any_(p("ids", type_=ARRAY(sa.Uuid))),
    )
    .order_by(moves.c.transaction_id, moves.c.line_no)
)

CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    name: transactions.c[name] == p(name) for name in ("type", "document_no", "external_ref")
}


@lru_cache
def transactions_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement that lists transactions, for one combination of filters."""
    rows = _headers.where(*(CONDITIONS[name] for name in sorted(conditions)))
    key = dict.fromkeys([transactions.c[sort.field], transactions.c.id])
    return keyset_page(rows, list(key), descending=sort.descending, resumed=resumed)
