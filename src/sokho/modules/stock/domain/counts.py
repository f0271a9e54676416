"""Stocktakes (kiểm kê): what a location should hold, what was counted there, and the difference."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.errors import ConflictError, FieldError, InvalidError, NotFoundError
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.documents import MOST_LINES


class CountState(StrEnum):
    """Where a stocktake stands."""

    OPEN = "open"
    POSTED = "posted"
    CANCELLED = "cancelled"


class Count(Struct, frozen=True, kw_only=True):
    """A stocktake of one location, with the books' quantities of the moment it was opened."""

    id: UUID
    location_id: UUID
    state: CountState
    note: str | None
    opened_at: datetime
    actor: str
    closed_at: datetime | None = None
    transaction_id: UUID | None = None
    """The adjustment that it became; None where nothing differed, too."""


class CountLine(Struct, frozen=True, kw_only=True):
    """One line of the sheet (biên bản kiểm kê): quantities in the item's own unit."""

    item_id: UUID
    sku: str
    name: str
    unit: str
    expected: Decimal
    """What the books said when the stocktake was opened."""

    counted: Decimal | None
    """None until somebody has counted the item."""

    @property
    def difference(self) -> Decimal | None:
        """What was found too much; negative for what was missing."""
        return None if self.counted is None else self.counted - self.expected


class Entry(Struct, frozen=True, kw_only=True):
    """What somebody has counted: of an item by its id, its SKU or its barcode."""

    quantity: Decimal
    item_id: UUID | None = None
    sku: str | None = None
    barcode: str | None = None
    unit: str | None = None
    replaces: bool = False
    """Whether it takes the place of what was counted before, instead of adding to it."""


class CountFilter(Struct, frozen=True):
    """Which stocktakes: all conditions that are not None must hold."""

    location_id: UUID | None = None
    state: CountState | None = None


class CountRepository(ABC):
    """The stocktakes of one tenant. Nothing here commits: the transaction belongs to the caller."""

    @abstractmethod
    async def open(self, id: UUID, location_id: UUID, note: str | None, actor: str) -> Count:
        """Open a stocktake with all that the books have at a location.

        Raises `UnknownLocationError`, `LocationArchivedError`, `CountOpenError`.
        """

    @abstractmethod
    async def get(self, id: UUID) -> Count | None:
        """Return a stocktake, or None where this tenant has none such."""

    @abstractmethod
    async def hold(self, id: UUID) -> Count | None:
        """Return a stocktake like `get`, and keep others from changing it meanwhile."""

    @abstractmethod
    async def close(self, count: Count) -> Count:
        """Write the state of a stocktake that is held, and return it with its time."""

    @abstractmethod
    async def items_with(self, barcodes: Collection[str]) -> Mapping[str, Sequence[UUID]]:
        """Return the items that have each of these barcodes: two at most."""

    @abstractmethod
    async def counted(self, id: UUID, item_ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
        """Return what has been counted of items so far; those of which nothing was are left out."""

    @abstractmethod
    async def write(self, id: UUID, counted: Mapping[UUID, Decimal]) -> None:
        """Write what has been counted of items of a stocktake that is held."""

    @abstractmethod
    async def lines_of(self, id: UUID, item_ids: Collection[UUID]) -> Sequence[CountLine]:
        """Return the lines of items, by item."""

    @abstractmethod
    async def differing(
        self, id: UUID, limit: int, *, uncounted_as_zero: bool
    ) -> Sequence[tuple[UUID, Decimal]]:
        """Return at most `limit` items whose count differs, and by how much, by item."""

    @abstractmethod
    async def list(
        self,
        filter: CountFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[Count]:
        """Return at most `limit` stocktakes by id, from behind `after`, skipping `offset`."""

    @abstractmethod
    async def lines(
        self,
        id: UUID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort,
        after: Position | None = None,
    ) -> Sequence[CountLine]:
        """Return at most `limit` lines of a sheet by item, from behind `after`."""


class CountNotFoundError(NotFoundError):
    """There is no such stocktake in this business."""

    text = Text(vi="Không tìm thấy đợt kiểm kê.", en="The stocktake was not found.")

    def __init__(self, count_id: UUID) -> None:
        super().__init__(f"Stocktake not found: {count_id}")


class CountOpenError(ConflictError):
    """Another stocktake of the location is open: both would post the same differences."""

    code = "count_open"
    text = Text(
        vi="Vị trí này đang có một đợt kiểm kê chưa kết thúc.",
        en="Another stocktake of this location is still open.",
    )


class CountClosedError(ConflictError):
    """The stocktake was posted or cancelled: its sheet stays as it is."""

    code = "count_closed"
    text = Text(
        vi="Đợt kiểm kê này đã kết thúc.", en="This stocktake was posted or cancelled before."
    )


class TooManyDifferencesError(ConflictError):
    """More items differ than a document has lines."""

    code = "too_many_differences"
    text = Text(
        vi=f"Hơn {MOST_LINES} mặt hàng bị chênh lệch; hãy kiểm kê từng vị trí nhỏ hơn.",
        en=f"More than {MOST_LINES} items differ; take stock of smaller locations.",
    )


_ONE_NAME = Text(
    vi="Ghi mặt hàng bằng một trong ba: item_id, sku hoặc barcode.",
    en="Name the item by one of item_id, sku and barcode.",
)
_UNKNOWN_BARCODE = Text(vi="Không có mặt hàng nào có mã vạch này.", en="No item has this barcode.")
_AMBIGUOUS_BARCODE = Text(
    vi="Nhiều mặt hàng có mã vạch này; hãy ghi item_id hoặc sku.",
    en="Several items have this barcode: name the item by item_id or sku.",
)


_NAMES: Final = ("item_id", "sku", "barcode")
"""What an entry may name its item by."""


def refuse_misnamed(entries: Sequence[Entry]) -> None:
    """Raise `InvalidError` for each entry that names its item not at all, or twice."""
    faults = []
    for number, entry in enumerate(entries):
        names = [name for name in _NAMES if getattr(entry, name) is not None]
        if not names:
            faults.append(FieldError(f"/lines/{number}/item_id", "required", _ONE_NAME))
        faults += (
            FieldError(f"/lines/{number}/{name}", "not_allowed", _ONE_NAME) for name in names[1:]
        )
    if faults:
        raise InvalidError(*faults)


def refuse_barcodes(entries: Sequence[Entry], found: Mapping[str, Sequence[UUID]]) -> None:
    """Raise `InvalidError` for each entry whose barcode is not that of exactly one item."""
    faults = []
    for number, entry in enumerate(entries):
        if entry.barcode is not None and len(items := found.get(entry.barcode, ())) != 1:
            code, text = (
                ("ambiguous_barcode", _AMBIGUOUS_BARCODE)
                if items
                else ("unknown_barcode", _UNKNOWN_BARCODE)
            )
            faults.append(FieldError(f"/lines/{number}/barcode", code, text))
    if faults:
        raise InvalidError(*faults)


def added_up(
    before: Mapping[UUID, Decimal], counted: Sequence[tuple[UUID, Decimal, bool]]
) -> dict[UUID, Decimal]:
    """Return what has been counted of each item after entries of quantity and replacement."""
    after = dict(before)
    for item_id, quantity, replaces in counted:
        after[item_id] = quantity + (Decimal(0) if replaces else after.get(item_id, Decimal(0)))
    return after
