"""Who takes part: the caller, the business that is to stay sealed, and nobody."""

from dataclasses import dataclass, field
from itertools import count
from typing import Final
from uuid import UUID, uuid4

from sokho.modules.api_keys.domain.tokens import KeyToken

CANARY: Final = "canary7q"
"""Begins every text that the sealed business stores."""

OWN: Final = "mine7q"
"""Begins what the caller stores."""

_NOBODY: Final = "nobody7q"

VERSIONS: Final = {CANARY: 3, OWN: 1}

_serial = count(1000)


@dataclass(kw_only=True)
class Party:
    """A business with its rows; or nobody, whose values stand in no row."""

    word: str
    """Begins each of its texts; no other business has any of them."""

    version: int
    """Of its item, unit, bin and itself: another's entity tag must not be right by chance."""

    tenant_id: UUID
    api_key: str
    item_id: str = field(default_factory=lambda: str(uuid4()))
    location_id: str = field(default_factory=lambda: str(uuid4()))
    """Of a bin in its warehouse."""

    warehouse_id: str = field(default_factory=lambda: str(uuid4()))

    kept_item_id: str = field(default_factory=lambda: str(uuid4()))
    """Of an item with stock, which is not to be deleted."""

    shelf_id: str = field(default_factory=lambda: str(uuid4()))
    """Of the bin that it is in."""

    transaction_id: str = field(default_factory=lambda: str(uuid4()))
    """Of a stock document that can be reversed."""

    count_id: str = field(default_factory=lambda: str(uuid4()))
    """Of an open stocktake."""
    reservation_id: str = field(default_factory=lambda: str(uuid4()))
    """Of an open reservation."""

    key_id: str = field(default_factory=lambda: str(uuid4()))
    """Of a key beside the one that it calls with."""

    cursor: str = "nobody7q0000"
    """Where its list goes on, of the operation in question."""

    @property
    def etag(self) -> str:
        """The entity tag of its item, of its unit, of its bin and of itself."""
        return f'"{self.version}"'

    @property
    def actor(self) -> str:
        """How events name the key that it calls with."""
        token = KeyToken.parse(self.api_key)
        return f"api_key:{uuid4() if token is None else token.key_id}"

    def text(self, field: str) -> str:
        """Return the text that is stored in a field, by nobody in none.

        Letters and digits alone: a barcode takes no more, and no encoding changes them.
        """
        return f"{self.word}{field}z"

    def new(self, field: str) -> str:
        """Return a text that is not stored yet."""
        return f"{self.word}new{field}z"


def word_of(kind: str) -> str:
    """Return a word of this kind that was never used."""
    return f"{kind}{next(_serial)}"


def nobody() -> Party:
    """Return the party whose values exist in nobody's data."""
    return Party(word=word_of(_NOBODY), version=999, tenant_id=uuid4(), api_key="")
