"""What can be read of the ledger: what is where, and how it came to be."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.documents import TransactionType


class Basis(StrEnum):
    """Which of a document's times counts: its date, or when it was posted."""

    EFFECTIVE = "effective"
    POSTED = "posted"


class Level(Struct, frozen=True, kw_only=True):
    """What there is of an item at a location, in the item's own unit.

    Of a time in the past neither what was reserved nor the minimum nor, by the documents' dates, a
    number of the last move is known: those are None. What has expired is not reserved.
    """

    item_id: UUID
    sku: str
    location_id: UUID
    on_hand: Decimal
    reserved: Decimal | None
    available: Decimal | None
    seq: int | None
    minimum: Decimal | None


class LevelFilter(Struct, frozen=True, kw_only=True):
    """Which levels: all conditions that are not None must hold.

    Of a time in the past it is not known what was below its minimum.
    """

    item_id: UUID | None = None
    sku_key: str | None = None
    location_id: UUID | None = None
    include_children: bool = False
    is_below_minimum: bool | None = None
    as_of: datetime | None = None
    as_of_basis: Basis = Basis.EFFECTIVE


class CardLine(Struct, frozen=True, kw_only=True):
    """One line of a stock card (thẻ kho): a move, and what is there after it.

    `quantity` is negative for what went out. `balance` runs in the order of the card.
    """

    transaction_id: UUID
    type: TransactionType
    document_no: str
    line_no: int
    effective_at: datetime
    posted_at: datetime
    other_location_id: UUID | None
    quantity: Decimal
    seq: int
    balance: Decimal


class CardFilter(Struct, frozen=True, kw_only=True):
    """Whose card, and from when until when (exclusive) by the time that orders it."""

    item_id: UUID
    location_id: UUID
    since: datetime | None = None
    until: datetime | None = None


class StockReads(ABC):
    """The ledger of one tenant, to be read."""

    @abstractmethod
    async def levels(
        self,
        filter: LevelFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[Level]:
        """Return at most `limit` levels by item and location, from behind `after`."""

    @abstractmethod
    async def card(
        self,
        filter: CardFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[CardLine]:
        """Return at most `limit` lines of a card in order, from behind `after`.

        `sort.field` is posted_at, where the balance is the one that each posting left, or
        effective_at, where it runs by the documents' dates.
        """
