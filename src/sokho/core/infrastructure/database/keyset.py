"""Pages of a list by keyset: the rows behind a place in an order, found along its index."""

from collections.abc import Sequence
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.paging import MAX_LIMIT, Position
from sokho.core.infrastructure.database.statements import Statement

_MOST_ROWS: Final = MAX_LIMIT + 1
"""Of a page, and one to know whether there is another."""


def keyset_page(
    rows: "sa.Select[Any]",
    key: Sequence["sa.Column[Any]"],
    *,
    descending: bool,
    resumed: bool,
    planned_once: bool = False,
) -> Statement:
    """Return the statement of one page of `rows`, ordered by the columns of `key`.

    `resumed` starts it behind a place. Its parameters are those of `page_values`. A page may be
    `planned_once` where one plan is best whatever the values are: where nothing is filtered, and
    the index of the order is read from its place on.
    """
    ordered = _in_order(rows, key, descending=descending, resumed=resumed)
    return _PageStatement(ordered) if planned_once else Statement(_limited(ordered, offset=True))


class _PageStatement(Statement):
    """One page of a list that PostgreSQL plans once and not for each page anew.

    Not knowing how many rows are skipped, and how many read, it would have to reckon with a tenth
    of the table each, and might sort it. So a page that skips nothing, as nearly all do, has no
    OFFSET, and stands within a limit that is written down.
    """

    __slots__ = ("_unskipped",)

    def __init__(self, ordered: "sa.Select[Any]") -> None:
        super().__init__(_limited(ordered, offset=True))
        most = ordered.limit(sa.literal_column(str(_MOST_ROWS))).subquery("most")
        self._unskipped = Statement(_limited(sa.select(most)), planned_once=True)

    def fitting(self, values: dict[str, object]) -> tuple[Statement, dict[str, object]]:
        if values["offset"] or cast("int", values["limit"]) > _MOST_ROWS:
            return self, values
        return self._unskipped, {name: values[name] for name in values if name != "offset"}


def keyset_rows(
    rows: "sa.Select[Any]", key: Sequence["sa.Column[Any]"], *, descending: bool, resumed: bool
) -> "sa.Select[Any]":
    """Return the rows of one page, as `keyset_page`, to go on from."""
    ordered = _in_order(rows, key, descending=descending, resumed=resumed)
    return _limited(ordered, offset=True)


def page_values(limit: int, offset: int, after: Position | None) -> dict[str, Any]:
    """Return the parameters of a page: how many rows, how many to skip, and behind which place."""
    places = {_place(number): value for number, value in enumerate(after or ())}
    return {"limit": limit, "offset": offset, **places}


def _in_order(
    rows: "sa.Select[Any]", key: Sequence["sa.Column[Any]"], *, descending: bool, resumed: bool
) -> "sa.Select[Any]":
    if resumed:
        here = sa.tuple_(*key)
        there = sa.tuple_(
            *(p(_place(number), type_=column.type) for number, column in enumerate(key))
        )
        rows = rows.where(here < there if descending else here > there)
    return rows.order_by(*(column.desc() if descending else column for column in key))


def _limited(rows: "sa.Select[Any]", *, offset: bool = False) -> "sa.Select[Any]":
    rows = rows.limit(p("limit", type_=sa.Integer))
    return rows.offset(p("offset", type_=sa.Integer)) if offset else rows


def _place(number: int) -> str:
    return f"after_{number}"
