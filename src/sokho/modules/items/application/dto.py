"""What clients send and receive of items."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.domain.paging import Position
from sokho.modules.items.domain.barcodes import BARCODE_LENGTH
from sokho.modules.items.domain.conversions import LARGEST_TERM, Conversion
from sokho.modules.items.domain.entities import (
    DEFAULT_UNIT,
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    SKU_LENGTH,
    TAG_COUNT,
    UNIT_LENGTH,
    Item,
    ItemStatus,
    sku_key,
)
from sokho.modules.items.domain.repository import ItemFilter

BATCH_ROWS: Final = 1_000

# What the entity judges is told here and not judged: so all faults are told at once.
_SKU: Final[JsonDict] = {"minLength": 1, "maxLength": SKU_LENGTH}
_NAME: Final[JsonDict] = {"minLength": 1, "maxLength": NAME_LENGTH}
_DESCRIPTION: Final[JsonDict] = {"maxLength": DESCRIPTION_LENGTH}
_UNIT: Final[JsonDict] = {"minLength": 1, "maxLength": UNIT_LENGTH}
_BARCODE: Final[JsonDict] = {"maxLength": BARCODE_LENGTH}
_TAGS: Final[JsonDict] = {"maxItems": TAG_COUNT}

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

    sku: str = Field(description="Unique in the business, ignoring case.", json_schema_extra=_SKU)
    name: str = Field(json_schema_extra=_NAME)
    description: str | None = Field(None, json_schema_extra=_DESCRIPTION)
    unit: str = Field(DEFAULT_UNIT, description="The code of a unit.", json_schema_extra=_UNIT)
    barcode: str | None = Field(
        None,
        description="Letters and digits; of a GTIN the check digit is verified.",
        json_schema_extra=_BARCODE,
    )
    status: ItemStatus = ItemStatus.ACTIVE
    tags: list[str] = Field([], json_schema_extra=_TAGS)
    attributes: dict[Any, Any] = Field(
        {}, description="A JSON object of at most 16 KiB and 5 levels."
    )


class ItemUpdate(PatchModel):
    """What is to become of an item: a merge patch (RFC 7396). null empties a field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Bu lông lục giác M8×40 inox 316",
                    "attributes": {"chất liệu": "inox 316"},
                },
                {"status": "archived"},
                {"tags": []},
            ]
        }
    )

    sku: str = Field(ABSENT, description="Unique, ignoring case.", json_schema_extra=_SKU)
    name: str = Field(ABSENT, json_schema_extra=_NAME)
    description: str | None = Field(ABSENT, json_schema_extra=_DESCRIPTION)
    unit: str = Field(ABSENT, description="The code of a unit.", json_schema_extra=_UNIT)
    barcode: str | None = Field(
        ABSENT, description="Letters and digits; a GTIN is verified.", json_schema_extra=_BARCODE
    )
    status: ItemStatus = Field(ABSENT, description="`archived` takes it out of trade.")
    tags: list[str] | None = Field(
        ABSENT, description="Replaces all tags.", json_schema_extra=_TAGS
    )
    attributes: dict[Any, Any] | None = Field(
        ABSENT, description="Merged into what there is; a null inside deletes its name."
    )


class ItemUpsert(ItemUpdate):
    """A row of a batch: found by its SKU; a new item also needs a name.

    Attributes replace what there is. What is left out stays as it is.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    sku: str = Field(description="Which item is meant, ignoring case.", json_schema_extra=_SKU)
    attributes: dict[Any, Any] | None = Field(ABSENT, description="Replaces what there is.")


class ItemBatchRequest(RequestModel):
    """Items to make or to change, all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [_EXAMPLE, {"sku": "KEO-500", "status": "archived"}]}]
        }
    )

    items: list[ItemUpsert] = Field(min_length=1, max_length=BATCH_ROWS)


class ItemBatchResponse(ResponseModel):
    """What became of a batch; the ids stand in the order of the rows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "created": 1,
                    "updated": 1,
                    "ids": [
                        "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
                        "019a9f2c-6a30-7d1e-9f7b-2f70aa31c0d2",
                    ],
                }
            ]
        }
    )

    created: int
    updated: int
    ids: list[UUID]


class ConversionPut(RequestModel):
    """What one of the unit is in the item's own: ``numerator / denominator``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"numerator": 24}]})

    numerator: int = Field(ge=1, le=LARGEST_TERM, strict=True)
    denominator: int = Field(1, ge=1, le=LARGEST_TERM, strict=True)


class ConversionResponse(ResponseModel):
    """One `unit` of the item is ``numerator / denominator`` of the item's own unit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"unit": "thùng", "numerator": 24, "denominator": 1}]}
    )

    unit: str
    numerator: int
    denominator: int


class ItemResponse(ResponseModel):
    """An item."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
                    "tenant_id": "019a9f2c-1b02-7aa0-8c33-51d6be7f0e21",
                    "description": None,
                    "status": "active",
                    "version": 1,
                    "created_at": "2026-03-01T05:00:00.000000Z",
                    "updated_at": "2026-03-01T05:00:00.000000Z",
                    **_EXAMPLE,
                }
            ]
        }
    )

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
    updated_since: Instant | None = Field(None, description="Changed at this instant or later.")
    sort: Literal[
        "id", "-id", "sku", "-sku", "created_at", "-created_at", "updated_at", "-updated_at"
    ] = Field("id", description="`-` for descending.")

    def position(self, item: Item) -> Position:
        """Return where `item` stands in this order."""
        match self.order.field:
            case "sku":
                return (item.sku_key, item.id)
            case "created_at":
                return (item.created_at, item.id)
            case "updated_at":
                return (item.updated_at, item.id)
            case _:
                return (item.id,)

    def filter(self) -> ItemFilter:
        """Return the conditions as the domain knows them."""
        return ItemFilter(
            sku_key=None if self.sku is None else sku_key(self.sku),
            barcode=self.barcode,
            status=self.status,
            tag=self.tag,
            updated_since=self.updated_since,
        )


class ConversionListQuery(ListQuery):
    """Which page of an item's conversions."""

    sort: Literal["unit", "-unit"] = Field("unit", description="`-` for descending.")

    def position(self, conversion: Conversion) -> Position:
        """Return where `conversion` stands in this order."""
        return (conversion.unit,)
