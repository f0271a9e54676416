"""Document numbers without gaps: a counter by type and year, held until the document is posted."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import insert

from sokho.core.infrastructure.database import TENANT
from sokho.modules.stock.infrastructure.tables import counters, transactions

_TEXT, _NUMBER = sa.Text(), sa.Integer()
_own_no = p("own_no", type_=_TEXT)
_type, _year = p("type", type_=_TEXT), p("year", type_=sa.SmallInteger())


def _number(count: Any) -> Any:
    """Return the number of the `count`-th document of a type and year: of six digits or more."""
    digits = sa.cast(count, _TEXT)
    width = sa.func.greatest(sa.literal_column("6"), sa.func.length(digits))
    return p("prefix", type_=_TEXT) + sa.func.lpad(digits, width, "0")


def _free_above(last: Any) -> Any:
    """Return the first count above `last` whose number no client has given to a document."""
    one: Any = sa.literal_column("1")
    most: Any = sa.literal_column("2147483647")
    counts = sa.select(sa.func.generate_series(last + one, most).label("count")).subquery("counts")
    # No NOT EXISTS: it might be made a join, which reads all documents of the year.
    taken = (
        sa.select(transactions.c.id)
        .where(
            transactions.c.tenant_id == TENANT,
            transactions.c.type == _type,
            transactions.c.year == _year,
            transactions.c.document_no == _number(counts.c.count),
        )
        .limit(one)
        .scalar_subquery()
    )
    return sa.select(counts.c.count).where(taken.is_(None)).limit(one).scalar_subquery()


_has_counter = sa.exists().where(
    counters.c.tenant_id == TENANT, counters.c.type == _type, counters.c.year == _year
)
COUNTED: Final = (
    insert(counters)
    .from_select(
        ["tenant_id", "type", "year", "last"],
        sa.select(
            sa.cast(TENANT, sa.Uuid),
            _type,
            _year,
            sa.case(
                (_has_counter, sa.literal_column("1")), else_=_free_above(sa.literal_column("0"))
            ),
        ).where(_own_no.is_(None)),
    )
    .on_conflict_do_update(
        index_elements=["tenant_id", "type", "year"],
        set_={"last": _free_above(sa.literal_column("stock_counters.last", _NUMBER))},
    )
    .returning(counters.c.last)
    .cte("counted")
)
"""The number that was counted; no row where the client has given one of its own."""

DOCUMENT_NO: Final = sa.func.coalesce(_own_no, _number(COUNTED.c.last))
