"""Pages of a list by keyset: the rows behind a place in an order, found along its index."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.database.statements import Statement


def keyset_page(
    rows: "sa.Select[Any]", key: Sequence["sa.Column[Any]"], *, descending: bool, resumed: bool
) -> Statement:
    """Return the statement of one page of `rows`, ordered by the columns of `key`.

    `resumed` starts it behind a place. Its parameters are those of `page_values`.
    """
    return Statement(keyset_rows(rows, key, descending=descending, resumed=resumed))


def keyset_rows(
    rows: "sa.Select[Any]", key: Sequence["sa.Column[Any]"], *, descending: bool, resumed: bool
) -> "sa.Select[Any]":
    """Return the rows of one page, as `keyset_page`, to go on from."""
    if resumed:
        here = sa.tuple_(*key)
        there = sa.tuple_(
            *(p(_place(number), type_=column.type) for number, column in enumerate(key))
        )
        rows = rows.where(here < there if descending else here > there)
    order = [column.desc() if descending else column for column in key]
    limit, offset = p("limit", type_=sa.Integer), p("offset", type_=sa.Integer)
    return rows.order_by(*order).limit(limit).offset(offset)


def page_values(limit: int, offset: int, after: Position | None) -> dict[str, Any]:
    """Return the parameters of a page: how many rows, how many to skip, and behind which place."""
    places = {_place(number): value for number, value in enumerate(after or ())}
    return {"limit": limit, "offset": offset, **places}


def _place(number: int) -> str:
    return f"after_{number}"
