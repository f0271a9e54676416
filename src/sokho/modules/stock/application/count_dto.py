"""What clients send to take stock, and receive."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from msgspec import Struct
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import at_most, looked_for, one_line, text
from sokho.core.domain.paging import Position
from sokho.modules.stock.application.dto import Amount, Note, Sku, UnitCode
from sokho.modules.stock.domain.counts import Count, CountFilter, CountLine, CountState, Entry
from sokho.modules.stock.domain.documents import MOST_LINES, NOTE_LENGTH
from sokho.modules.stock.domain.posting import plain

_LOCATION: Final = "019a9f2c-7b41-7c90-8a52-64e1c0b7d310"
_OPENED: Final[JsonDict] = {"location_id": _LOCATION, "note": "Kiểm kê cuối tháng"}
_COUNTED: Final[JsonDict] = {
    "lines": [
        {"barcode": "8934563138165", "quantity": "2", "unit": "thùng"},
        {"sku": "BIA-333", "quantity": "5"},
    ]
}


class CountOpen(RequestModel):
    """Of which location stock is to be taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OPENED]})

    location_id: UUID
    note: Annotated[Note, Field(max_length=NOTE_LENGTH)] | None = None


class CountEntry(RequestModel):
    """What was counted of one item."""

    item_id: UUID | None = Field(None, description="The item; or its `sku`, or its `barcode`.")
    sku: Annotated[Sku, Field(min_length=1, max_length=64), looked_for(64)] | None = None
    barcode: Annotated[str, Field(min_length=1, max_length=64), looked_for(64)] | None = None
    quantity: Annotated[
        str,
        Field(pattern=r"^[0-9]{1,60}(\.[0-9]{1,60})?$", max_length=121, examples=["12", "0"]),
    ] = Field(description="0 where nothing is there.")
    unit: Annotated[UnitCode, looked_for(32)] | None = Field(
        None, description="The item's own unit, or one with a conversion."
    )
    replaces: bool = Field(
        False,
        strict=True,
        description="Take the place of what was counted before, instead of adding to it.",
    )

    def entry(self) -> Entry:
        """Return what was counted."""
        return Entry(**{**self.model_dump(), "quantity": Decimal(self.quantity)})


class CountEntries(RequestModel):
    """What somebody has counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_COUNTED]})

    lines: list[CountEntry] = Field(min_length=1, max_length=MOST_LINES)


class CountPost(RequestModel):
    """How a stocktake is to be posted."""

    uncounted_as_zero: bool = Field(
        False,
        strict=True,
        description="Items that the books have and nobody has counted are gone. Otherwise they "
        "are left as they are.",
    )


class CountResponse(ResponseModel):
    """A stocktake of one location."""

    id: UUID
    location_id: UUID
    state: CountState
    note: Annotated[str, text(NOTE_LENGTH)] | None
    opened_at: datetime = Field(description="What the books said then is what is expected.")
    actor: Annotated[str, one_line(64)]
    closed_at: datetime | None
    transaction_id: UUID | None = Field(
        description="The adjustment that it became; null where nothing differed."
    )


class CountLineResponse(ResponseModel):
    """One line of the sheet (biên bản kiểm kê, 05-VT), in the item's own unit."""

    item_id: UUID
    sku: Sku
    name: Annotated[str, one_line(255)]
    unit: UnitCode
    expected: Amount = Field(description="What the books said when the stocktake was opened.")
    counted: Amount | None = Field(description="null until somebody has counted the item.")
    surplus: Amount | None = Field(description="What was found too much.")
    shortage: Amount | None = Field(description="What was missing.")


class CountedResponse(ResponseModel):
    """The lines of the items that were counted."""

    lines: Annotated[list[CountLineResponse], at_most(MOST_LINES)]


class ShownCountLine(Struct, frozen=True, kw_only=True):
    """A line of a sheet as clients see it."""

    item_id: UUID
    sku: str
    name: str
    unit: str
    expected: str
    counted: str | None
    surplus: str | None
    shortage: str | None

    @classmethod
    def of(cls, line: CountLine) -> Self:
        """Return how a line is shown."""
        by, nothing = line.difference, Decimal(0)
        return cls(
            item_id=line.item_id,
            sku=line.sku,
            name=line.name,
            unit=line.unit,
            expected=plain(line.expected),
            counted=None if line.counted is None else plain(line.counted),
            surplus=None if by is None else plain(max(by, nothing)),
            shortage=None if by is None else plain(max(-by, nothing)),
        )


class ShownCounted(Struct, frozen=True):
    """Lines of a sheet as clients see them."""

    lines: list[ShownCountLine]


class CountListQuery(ListQuery):
    """Which stocktakes."""

    location_id: UUID | None = Field(None, description="Of this location.")
    state: CountState | None = Field(None, description="Of this state.")
    sort: Literal["id", "-id"] = Field("id", description="`-` for descending.")

    def filter(self) -> CountFilter:
        """Return the conditions asked for."""
        return CountFilter(location_id=self.location_id, state=self.state)

    def position(self, count: Count) -> Position:
        """Return where `count` stands in this order."""
        return (count.id,)


class CountSheetQuery(ListQuery):
    """Which part of a sheet."""

    sort: Literal["item_id", "-item_id"] = Field("item_id", description="`-` for descending.")

    def position(self, line: ShownCountLine) -> Position:
        """Return where `line` stands in this order."""
        return (line.item_id,)
