"""What clients send of reservations and receive."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from msgspec import Struct
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import WHOLE, at_most, between
from sokho.core.domain.paging import Position
from sokho.modules.stock.application.dto import (
    Amount,
    GivenDocumentNo,
    GivenExternalRef,
    GivenNote,
    GivenSku,
    GivenUnitCode,
    Quantity,
    Sku,
    UnitCode,
)
from sokho.modules.stock.domain.documents import MOST_LINES, Document, Line, TransactionType
from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.reservation_repository import ReservationFilter
from sokho.modules.stock.domain.reservations import (
    LONGEST,
    Reservation,
    ReservationState,
    ReservedLine,
)

_ITEM: Final = "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55"
_WAREHOUSE: Final = "019a9f2c-7b41-7c90-8a52-64e1c0b7d310"
_RESERVATION: Final[JsonDict] = {
    "lines": [{"sku": "BIA-333", "quantity": "2", "unit": "thùng", "location_id": _WAREHOUSE}],
    "expires_in_seconds": 900,
}

_Seconds = Annotated[
    int, Field(strict=True, ge=1, le=LONGEST // timedelta(seconds=1), examples=[900]), WHOLE
]
_LineNo = Annotated[int, Field(strict=True, ge=1, le=MOST_LINES), WHOLE]


class ReservationLineCreate(RequestModel):
    """One line: an item, how much of it, and where it is to be kept."""

    item_id: UUID | None = Field(None, description="The item; or its `sku`.")
    sku: GivenSku | None = None
    location_id: UUID
    quantity: Quantity = Field(description="More than 0, with no more decimals than the unit has.")
    unit: GivenUnitCode | None = Field(
        None, description="The item's own unit, or one with a conversion."
    )


class ReservationCreate(RequestModel):
    """What is to be kept for somebody."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RESERVATION]})

    lines: list[ReservationLineCreate] = Field(min_length=1, max_length=MOST_LINES)
    expires_in_seconds: _Seconds = Field(description="How long, by the database's time.")

    def document(self) -> Document:
        """Return the issue that would take it."""
        lines = tuple(
            Line(
                item_id=line.item_id,
                sku=line.sku,
                quantity=Decimal(line.quantity),
                unit=line.unit,
                from_location_id=line.location_id,
            )
            for line in self.lines
        )
        return Document(type=TransactionType.ISSUE, lines=lines)

    @property
    def expires_in(self) -> timedelta:
        """How long it is to last."""
        return timedelta(seconds=self.expires_in_seconds)


class ReservationExtend(RequestModel):
    """How long it is to last from now."""

    expires_in_seconds: _Seconds = Field(
        description="From now; an earlier end than it has is none."
    )

    @property
    def expires_in(self) -> timedelta:
        """How long it is to last."""
        return timedelta(seconds=self.expires_in_seconds)


class ConfirmedLine(RequestModel):
    """As much of a line as is issued."""

    line_no: _LineNo
    quantity: Quantity = Field(description="In the unit of the line; at most what is reserved.")


class ReservationConfirm(RequestModel):
    """The document that it becomes. Without `lines` all of it is issued."""

    effective_at: Instant | None = Field(
        None, description="The document's date; without one, now. Not in the future."
    )
    document_no: GivenDocumentNo | None = Field(
        None,
        description="A number of your own, unique by type and year; without one the next is given.",
    )
    external_ref: GivenExternalRef | None = None
    note: GivenNote | None = None
    lines: list[ConfirmedLine] | None = Field(
        None,
        min_length=1,
        max_length=MOST_LINES,
        description="As much as is issued; what is left over is free.",
    )

    def header(self) -> Document:
        """Return the document without its lines."""
        return Document(
            type=TransactionType.ISSUE,
            lines=(),
            effective_at=self.effective_at,
            document_no=self.document_no,
            external_ref=self.external_ref,
            note=self.note,
        )

    def quantities(self) -> list[tuple[int, Decimal]] | None:
        """Return how much of which lines; None stands for all."""
        if self.lines is None:
            return None
        return [(line.line_no, Decimal(line.quantity)) for line in self.lines]


class ReservedLineResponse(ResponseModel):
    """One line of a reservation."""

    line_no: Annotated[int, between(1, MOST_LINES)]
    item_id: UUID
    sku: Sku
    location_id: UUID
    quantity: Amount = Field(description="As it was entered, in `unit`.")
    unit: UnitCode
    base_quantity: Amount = Field(description="In the item's own unit.")


class ReservationResponse(ResponseModel):
    """A reservation."""

    id: UUID
    state: ReservationState
    created_at: datetime
    expires_at: datetime
    transaction_id: UUID | None = Field(description="The issue that it has become.")
    lines: Annotated[list[ReservedLineResponse], at_most(MOST_LINES)]


class ShownReservedLine(Struct, frozen=True, kw_only=True):
    """A line as clients see it."""

    line_no: int
    item_id: UUID
    sku: str
    location_id: UUID
    quantity: str
    unit: str
    base_quantity: str

    @classmethod
    def of(cls, line: ReservedLine) -> Self:
        """Return how a line is shown."""
        return cls(
            line_no=line.line_no,
            item_id=line.item_id,
            sku=line.sku,
            location_id=line.location_id,
            quantity=plain(line.entered_quantity),
            unit=line.entered_unit,
            base_quantity=plain(line.quantity),
        )


class ShownReservation(Struct, frozen=True, kw_only=True):
    """A reservation as clients see it."""

    id: UUID
    state: ReservationState
    created_at: datetime
    expires_at: datetime
    transaction_id: UUID | None
    lines: list[ShownReservedLine]

    @classmethod
    def of(cls, reservation: Reservation) -> Self:
        """Return how a reservation is shown."""
        return cls(
            id=reservation.id,
            state=reservation.state,
            created_at=reservation.created_at,
            expires_at=reservation.expires_at,
            transaction_id=reservation.transaction_id,
            lines=[ShownReservedLine.of(line) for line in reservation.lines],
        )


class ReservationListQuery(ListQuery):
    """Which reservations."""

    state: ReservationState | None = Field(None, description="Of this state.")
    sort: Literal["id", "-id"] = Field("id", description="`-` for descending.")

    def filter(self) -> ReservationFilter:
        """Return the conditions asked for."""
        return ReservationFilter(state=self.state)

    def position(self, reservation: ShownReservation) -> Position:
        """Return where `reservation` stands in this order."""
        return (reservation.id,)
