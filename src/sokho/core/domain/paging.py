"""Lists in pages: in which order, and where a page ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

MAX_LIMIT: Final = 500
DEFAULT_LIMIT: Final = 100
MAX_OFFSET: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sort:
    """The field that a list is ordered by; the id decides between equals."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: its id, and its value where the list is ordered by another field."""

    id: UUID
    value: str | datetime | None = None
