"""What clients send and receive of items."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import (
    WHOLE,
    Version,
    at_most,
    between,
    looked_for,
    matching,
    one_line,
    text,
    trimmed_line,
)
from sokho.core.domain.paging import Position
from sokho.modules.items.domain.barcodes import BARCODE_LENGTH
from sokho.modules.items.domain.conversions import LARGEST_TERM, Conversion
from sokho.modules.items.domain.entities import (
    DEFAULT_UNIT,
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    SKU_LENGTH,
    TAG_COUNT,
    TAG_LENGTH,
    UNIT_LENGTH,
    Item,
    ItemStatus,
    sku_key,
)
from sokho.modules.items.domain.repository import ItemFilter

BATCH_ROWS: Final = 1_000

# What the entity judges is told here and not judged: so all faults are told at once.
Sku = Annotated[str, trimmed_line(SKU_LENGTH)]
Name = Annotated[str, one_line(NAME_LENGTH)]
Description = Annotated[str, text(DESCRIPTION_LENGTH)]
UnitOfItem = Annotated[str, trimmed_line(UNIT_LENGTH)]
Barcode = Annotated[str, matching("^[0-9A-Za-z]+$", BARCODE_LENGTH)]
Tags = Annotated[list[Annotated[str, one_line(TAG_LENGTH)]], at_most(TAG_COUNT)]
Term = Annotated[int, Field(ge=1, le=LARGEST_TERM, strict=True), WHOLE]
RowCount = Annotated[int, between(0, BATCH_ROWS)]

_NO_TAGS: Final[Any] = ()  # a list Pydantic would copy for each request

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

    sku: Sku = Field(description="1 to 64 characters; unique in the business, ignoring case.")
    name: Name
    description: Description | None = Field(None)
    unit: UnitOfItem = Field(DEFAULT_UNIT, description="The code of a unit.")
    barcode: Barcode | None = Field(
        None,
        description="Letters and digits; of a GTIN the check digit is verified.",
    )
    status: ItemStatus = ItemStatus.ACTIVE
    tags: Tags = Field(_NO_TAGS)
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

    sku: Sku = Field(ABSENT, description="1 to 64 characters; unique, ignoring case.")
    name: Name = Field(ABSENT)
    description: Description | None = Field(ABSENT)
    unit: UnitOfItem = Field(ABSENT, description="The code of a unit.")
    barcode: Barcode | None = Field(ABSENT, description="Letters and digits; a GTIN is verified.")
    status: ItemStatus = Field(ABSENT, description="`archived` takes it out of trade.")
    tags: Tags | None = Field(ABSENT, description="Replaces all tags.")
    attributes: dict[Any, Any] | None = Field(
        ABSENT, description="Merged into what there is; a null inside deletes its name."
    )


class ItemUpsert(ItemUpdate):
    """A row of a batch: found by its SKU; a new item also needs a name.

    Attributes replace what there is. What is left out stays as it is.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    sku: Sku = Field(description="Which item is meant, ignoring case.")
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

    created: RowCount
    updated: RowCount
    ids: Annotated[list[UUID], at_most(BATCH_ROWS)]


class ConversionPut(RequestModel):
    """What one of the unit is in the item's own: ``numerator / denominator``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"numerator": 24}]})

    numerator: Term
    denominator: Term = 1


class ConversionResponse(ResponseModel):
    """One `unit` of the item is ``numerator / denominator`` of the item's own unit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"unit": "thùng", "numerator": 24, "denominator": 1}]}
    )

    unit: UnitOfItem
    numerator: Term
    denominator: Term


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
    sku: Sku
    name: Name
    description: Description | None
    unit: UnitOfItem
    barcode: Barcode | None
    status: ItemStatus
    tags: Tags
    attributes: dict[str, Any]
    version: Version
    created_at: datetime
    updated_at: datetime


class ItemListQuery(ListQuery):
    """Which items, in which order."""

    sku: Annotated[str, looked_for()] | None = Field(
        None, description="Exactly this SKU, ignoring case."
    )
    barcode: Annotated[str, looked_for()] | None = Field(None, description="Exactly this barcode.")
    status: ItemStatus | None = Field(None, description="In this state.")
    tag: Annotated[str, looked_for()] | None = Field(None, description="With exactly this tag.")
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
