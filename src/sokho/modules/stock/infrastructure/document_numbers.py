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


_may_count = _own_no.is_(None)
_is_like_ours = _own_no.regexp_match("^" + p("prefix", type_=_TEXT) + "[0-9]{6,}$")
COUNTED: Final = (
    insert(counters)
    .from_select(
        ["tenant_id", "type", "year", "last", "skips"],
        sa.select(
            sa.cast(TENANT, sa.Uuid),
            _type,
            _year,
            sa.case((_may_count, sa.literal_column("1")), else_=sa.literal_column("0")),
            ~_may_count,
        ).where(sa.func.coalesce(_is_like_ours, sa.true())),
    )
    .on_conflict_do_update(
        index_elements=["tenant_id", "type", "year"],
        set_={
            "last": sa.case(
                (~_may_count, sa.literal_column("stock_counters.last")),
                (
                    sa.literal_column("stock_counters.skips"),
                    _free_above(sa.literal_column("stock_counters.last", _NUMBER)),
                ),
                else_=sa.literal_column("stock_counters.last + 1"),
            ),
            "skips": sa.case(
                (_may_count, sa.literal_column("stock_counters.skips")), else_=sa.true()
            ),
        },
    )
    .returning(counters.c.last)
    .cte("counted")
)
"""The number that was counted; of no use where the client has given one of its own.

A client's number that looks like one of ours makes the counter look ahead from then on. It waits
for the counter, as those do that count, so that none of them is counted meanwhile.
"""

DOCUMENT_NO: Final = sa.func.coalesce(_own_no, _number(COUNTED.c.last))
