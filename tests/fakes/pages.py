"""A page of a list in memory, by the same rules as a keyset in PostgreSQL."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sokho.core.domain.paging import Position, Sort

_T = TypeVar("_T")


def page_of(
    rows: Iterable[_T],
    place: Callable[[_T], tuple[Any, ...]],
    *,
    sort: Sort,
    limit: int,
    offset: int,
    after: Position | None,
) -> list[_T]:
    """Return at most `limit` rows in the order of `place`, from behind `after`."""
    chosen = sorted(rows, key=place, reverse=sort.descending)
    if after is not None:
        last: tuple[Any, ...] = after
        chosen = [
            row for row in chosen if (place(row) < last if sort.descending else place(row) > last)
        ]
    return chosen[offset : offset + limit]
