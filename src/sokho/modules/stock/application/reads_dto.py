"""What clients ask of levels and stock cards, and receive."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from sokho.core.application.dto import ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import LARGEST_INTEGER, between, looked_for
from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.lines import REQUIRED, caseless
from sokho.core.domain.paging import Position
from sokho.modules.stock.application.dto import Amount, DocumentNo, Seq, Sku
from sokho.modules.stock.domain.documents import MOST_LINES, TransactionType
from sokho.modules.stock.domain.reads import Basis, CardFilter, CardLine, Level, LevelFilter

_LEVEL: Final[JsonDict] = {
    "item_id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
    "sku": "BIA-333",
    "location_id": "019a9f2c-7b41-7c90-8a52-64e1c0b7d310",
    "on_hand": "48",
    "reserved": "0",
    "available": "48",
    "seq": 7,
    "minimum": "24",
}


class LevelResponse(ResponseModel):
    """What there is of an item at a location, in the item's own unit."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LEVEL]})

    item_id: UUID
    sku: Sku
    location_id: UUID
    on_hand: Amount
    reserved: Amount | None = Field(description="null as of a time.")
    available: Amount | None = Field(description="`on_hand` less `reserved`.")
    seq: Annotated[int, between(0, LARGEST_INTEGER)] | None = Field(
        description="The number of the last move here; null as of a document date."
    )
    minimum: Amount | None = Field(
        description="What should be on hand at least; null where nothing is set, or as of a time."
    )


class LevelListQuery(ListQuery):
    """Which levels."""

    item_id: UUID | None = Field(None, description="Of this item.")
    sku: Annotated[str, looked_for()] | None = Field(None, description="The item, ignoring case.")
    location_id: UUID | None = Field(None, description="At this location.")
    include_children: bool = Field(
        False, description="Also what lies below `location_id`, which it needs."
    )
    below_minimum: bool | None = Field(
        None, description="Whether less is on hand than the minimum; not with `as_of`."
    )
    as_of: Instant | None = Field(None, description="What was there then.")
    as_of_basis: Basis = Field(
        Basis.EFFECTIVE, description="By the documents' dates, or by when they were posted."
    )
    sort: Literal["item_id", "-item_id"] = Field(
        "item_id", description="By item and location; `-` for descending."
    )

    @model_validator(mode="after")
    def _is_below_now(self) -> Self:
        if self.below_minimum is not None and self.as_of is not None:
            raise ValueError("of the past it is not known what was below its minimum")
        return self

    def filter(self) -> LevelFilter:
        """Return the conditions asked for; raises `InvalidError` for children of no location."""
        if self.include_children and self.location_id is None:
            raise InvalidError(FieldError("/query/location_id", "required", REQUIRED))
        return LevelFilter(
            item_id=self.item_id,
            sku_key=None if self.sku is None else caseless(self.sku),
            location_id=self.location_id,
            include_children=self.include_children,
            is_below_minimum=self.below_minimum,
            as_of=self.as_of,
            as_of_basis=self.as_of_basis,
        )

    def position(self, level: Level) -> Position:
        """Return where `level` stands in this order."""
        return (level.item_id, level.location_id)


class CardLineResponse(ResponseModel):
    """One line of a stock card: a move, and what was there after it."""

    transaction_id: UUID
    type: TransactionType
    document_no: DocumentNo
    line_no: Annotated[int, between(1, MOST_LINES)]
    effective_at: datetime
    posted_at: datetime
    other_location_id: UUID | None = Field(description="Where it came from or went, if inside.")
    quantity: Amount = Field(description="In the item's own unit; negative for what went out.")
    seq: Seq = Field(description="The number of the move at this place, without gaps.")
    balance: Amount = Field(description="What was there after it, in the order of the card.")


class CardQuery(ListQuery):
    """Whose card, and which part of it."""

    item_id: UUID = Field(description="The item.")
    location_id: UUID = Field(description="The location.")
    since: Instant | None = Field(None, description="By the time in `sort`.")
    until: Instant | None = Field(None, description="By the time in `sort`; exclusive.")
    sort: Literal["posted_at", "-posted_at", "effective_at", "-effective_at"] = Field(
        "posted_at", description="The time that orders the card, and its running balance."
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("until is before since")
        return self

    def filter(self) -> CardFilter:
        """Return the conditions asked for."""
        return CardFilter(
            item_id=self.item_id, location_id=self.location_id, since=self.since, until=self.until
        )

    def position(self, line: CardLine) -> Position:
        """Return where `line` stands in this order."""
        return (line.seq,) if self.order.field == "posted_at" else (line.effective_at, line.seq)
