"""Lists in pages: in which order, and where a page ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

MAX_LIMIT: Final = 500
DEFAULT_LIMIT: Final = 100
MAX_OFFSET: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sort:
    """The field that a list is ordered by; the id decides between equals."""

    field: str
    descending: bool = False


Position: TypeAlias = tuple[UUID | str | int | datetime, ...]
"""Where a row stands in an order: its values of what the list is ordered by, the key last."""
