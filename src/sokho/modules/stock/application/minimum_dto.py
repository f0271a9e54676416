"""What clients send of minimum stock and receive."""

from decimal import Decimal
from typing import Final, Self
from uuid import UUID

from msgspec import Struct
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.modules.stock.application.dto import Amount, Quantity
from sokho.modules.stock.domain.minimums import Minimum
from sokho.modules.stock.domain.posting import plain

_MINIMUM: Final[JsonDict] = {"minimum": "24"}


class MinimumPut(RequestModel):
    """What should be on hand at least."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MINIMUM]})

    minimum: Quantity = Field(description="In the item's own unit; more than 0.")

    def quantity(self) -> Decimal:
        """Return how much that is."""
        return Decimal(self.minimum)


class MinimumResponse(ResponseModel):
    """What of an item should be on hand at a location at least, in its own unit."""

    item_id: UUID
    location_id: UUID
    minimum: Amount


class ShownMinimum(Struct, frozen=True, kw_only=True):
    """A minimum as clients see it."""

    item_id: UUID
    location_id: UUID
    minimum: str

    @classmethod
    def of(cls, minimum: Minimum) -> Self:
        """Return how a minimum is shown."""
        return cls(
            item_id=minimum.item_id,
            location_id=minimum.location_id,
            minimum=plain(minimum.minimum),
        )
