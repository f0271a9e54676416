"""The query parameters that every list takes."""

import re
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from sokho.core.application.schemas import matching
from sokho.core.domain.paging import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Sort

_OF_ONE_PAGE: Final = frozenset({"limit", "offset", "cursor"})


def _written_plainly(value: object) -> object:
    """Refuse the spellings of a number that Python takes and nobody means: ``1_0``, `` 1``."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value, re.ASCII):
        raise ValueError("not a whole number")
    return value


Count = Annotated[int, BeforeValidator(_written_plainly)]


class ListQuery(BaseModel):
    """Which page. A list adds its filters, and `sort` with the fields it can be ordered by."""

    limit: Count = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Rows of a page.")
    offset: Count = Field(
        0, ge=0, le=MAX_OFFSET, description="Rows to skip; a cursor goes further, and faster."
    )
    cursor: Annotated[str, matching("^[A-Za-z0-9_-]+$", 2_048)] | None = Field(
        None, description="Where to go on: taken from the `Link` header."
    )
    sort: str = "id"

    @model_validator(mode="after")
    def _one_way_to_page(self) -> Self:
        if self.cursor is not None and self.offset:
            raise ValueError("a cursor and an offset exclude each other")
        return self

    @property
    def order(self) -> Sort:
        """The order asked for; ``-`` stands for descending."""
        return Sort(self.sort.removeprefix("-"), descending=self.sort.startswith("-"))

    def conditions(self) -> dict[str, str]:
        """Return the filters and the order in force: what a cursor is bound to."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in vars(self).items()
            if name not in _OF_ONE_PAGE and value is not None
        }
