"""What clients send and receive of items."""

import re
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, field_validator
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.domain.paging import Position
from sokho.modules.items.domain.entities import (
    DEFAULT_UNIT,
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    TAG_COUNT,
    Item,
    ItemStatus,
    sku_key,
)
from sokho.modules.items.domain.repository import ItemFilter

_EXAMPLE: Final[JsonDict] = {
    "sku": "BL-M8X40-I304",
    "name": "Bu lông lục giác M8×40 inox 304",
    "unit": "cái",
    "barcode": "8934563138165",
    "tags": ["bu lông", "inox"],
    "attributes": {"chất liệu": "inox 304", "đường kính mm": 8},
}


class ItemCreate(RequestModel):
    """A new item."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    sku: str = Field(description="1 to 64 characters; unique in the business, ignoring case.")
    name: str = Field(min_length=1, max_length=NAME_LENGTH)
    description: str | None = Field(None, max_length=DESCRIPTION_LENGTH)
    unit: str = Field(DEFAULT_UNIT, description="The code of a unit of measure.")
    barcode: str | None = Field(
        None, description="Letters and digits; of a GTIN the check digit is verified."
    )
    status: ItemStatus = ItemStatus.ACTIVE
    tags: list[str] = Field([], max_length=TAG_COUNT)
    attributes: dict[Any, Any] = Field(
        {}, description="A JSON object of at most 16 KiB and 5 levels."
    )


class ItemResponse(ResponseModel):
    """An item."""

    id: UUID
    tenant_id: UUID
    sku: str
    name: str
    description: str | None
    unit: str
    barcode: str | None
    status: ItemStatus
    tags: list[str]
    attributes: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


class ItemListQuery(ListQuery):
    """Which items, in which order."""

    sku: str | None = Field(None, description="Exactly this SKU, ignoring case.")
    barcode: str | None = None
    status: ItemStatus | None = None
    tag: str | None = None
    updated_since: AwareDatetime | None = Field(
        None, description="Changed at this instant or later."
    )
    sort: Literal[
        "id", "-id", "sku", "-sku", "created_at", "-created_at", "updated_at", "-updated_at"
    ] = Field("id", description="`-` for descending.")

    @field_validator("updated_since", mode="before")
    @classmethod
    def _is_no_number(cls, instant: object) -> object:
        """Refuse seconds or milliseconds since 1970: which of them, one could only guess."""
        if isinstance(instant, str) and re.fullmatch(r"[-+]?[0-9.]+", instant):
            raise ValueError("an RFC 3339 date-time is needed")
        return instant

    @field_validator("updated_since")
    @classmethod
    def _in_utc(cls, instant: datetime | None) -> datetime | None:
        """Refuse an instant that in UTC lies before the first year or after the last."""
        try:
            return instant and instant.astimezone(UTC)
        except OverflowError:
            raise ValueError("out of range") from None

    def position(self, item: Item) -> Position:
        """Return where `item` stands in this order."""
        values: dict[str, str | datetime] = {
            "sku": item.sku_key,
            "created_at": item.created_at,
            "updated_at": item.updated_at,
        }
        return Position(item.id, values.get(self.order.field))

    def filter(self) -> ItemFilter:
        """Return the conditions as the domain knows them."""
        return ItemFilter(
            sku_key=None if self.sku is None else sku_key(self.sku),
            barcode=self.barcode,
            status=self.status,
            tag=self.tag,
            updated_since=self.updated_since,
        )
