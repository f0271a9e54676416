"""What clients send to the ledger and receive from it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from msgspec import Struct
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import (
    LARGEST_INTEGER,
    at_most,
    between,
    looked_for,
    matching,
    one_line,
    text,
)
from sokho.core.domain.paging import Position
from sokho.modules.stock.domain.documents import (
    DOCUMENT_NO_LENGTH,
    EXTERNAL_REF_LENGTH,
    MOST_LINES,
    NOTE_LENGTH,
    Document,
    Line,
    Reason,
    TransactionType,
)
from sokho.modules.stock.domain.entities import Move, StockTransaction
from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.repository import TransactionFilter

_DIGITS: Final = r"^-?[0-9]{1,60}(\.[0-9]{1,60})?$"

# A number of JSON is a float to most who read it, and 0.1 is none.
Quantity = Annotated[
    str, Field(pattern=_DIGITS, max_length=122, json_schema_extra={"examples": ["12", "0.5"]})
]
"""A decimal as a string: digits, and a point where there are decimals."""

# What a document judges is told here and not judged: so all faults are told at once.
Amount = Annotated[str, matching(r"^-?[0-9]+(\.[0-9]+)?$", 22)]
DocumentNo = Annotated[str, one_line(DOCUMENT_NO_LENGTH)]
ExternalRef = Annotated[str, one_line(EXTERNAL_REF_LENGTH)]
Note = Annotated[str, text(NOTE_LENGTH)]
Sku = Annotated[str, one_line(64)]
UnitCode = Annotated[str, one_line(32)]
Seq = Annotated[int, between(1, LARGEST_INTEGER)]
GivenSku = Annotated[str, Field(min_length=1, max_length=64), looked_for(64)]
GivenUnitCode = Annotated[str, looked_for(32)]
GivenDocumentNo = Annotated[DocumentNo, Field(min_length=1, max_length=DOCUMENT_NO_LENGTH)]
GivenExternalRef = Annotated[ExternalRef, Field(min_length=1, max_length=EXTERNAL_REF_LENGTH)]
GivenNote = Annotated[Note, Field(max_length=NOTE_LENGTH)]

_ITEM: Final = "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55"
_WAREHOUSE: Final = "019a9f2c-7b41-7c90-8a52-64e1c0b7d310"
_DOCUMENT: Final[JsonDict] = {
    "type": "receipt",
    "effective_at": "2026-01-05T08:30:00+07:00",
    "note": "Nhập theo hóa đơn 0012",
    "lines": [
        {"sku": "BIA-333", "quantity": "2", "unit": "thùng", "to_location_id": _WAREHOUSE},
        {"item_id": _ITEM, "quantity": "24", "to_location_id": _WAREHOUSE},
    ],
}


class LineCreate(RequestModel):
    """One line of a document: an item, how much of it, and from where to where."""

    item_id: UUID | None = Field(None, description="The item; or its `sku`.")
    sku: GivenSku | None = None
    quantity: Quantity = Field(description="More than 0, with no more decimals than the unit has.")
    unit: GivenUnitCode | None = Field(
        None, description="The item's own unit, or one with a conversion."
    )
    from_location_id: UUID | None = None
    to_location_id: UUID | None = None

    def line(self) -> Line:
        """Return the line as it is to be posted."""
        return Line(
            item_id=self.item_id,
            sku=self.sku,
            quantity=Decimal(self.quantity),
            unit=self.unit,
            from_location_id=self.from_location_id,
            to_location_id=self.to_location_id,
        )


class TransactionCreate(RequestModel):
    """A document to be posted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DOCUMENT]})

    type: TransactionType
    effective_at: Instant | None = Field(
        None, description="The document's date; without one, now. Not in the future."
    )
    document_no: GivenDocumentNo | None = Field(
        None,
        description="A number of your own, unique by type and year; without one the next is given.",
    )
    external_ref: GivenExternalRef | None = None
    note: GivenNote | None = None
    reason: Reason | None = Field(None, description="Of an adjustment, and only there.")
    lines: list[LineCreate] = Field(min_length=1, max_length=MOST_LINES)

    def document(self) -> Document:
        """Return what is to be posted."""
        return Document(
            type=self.type,
            lines=tuple(line.line() for line in self.lines),
            effective_at=self.effective_at,
            document_no=self.document_no,
            external_ref=self.external_ref,
            note=self.note,
            reason=self.reason,
        )


class TransactionReverse(RequestModel):
    """Why a document is undone."""

    note: GivenNote | None = None


class LineResponse(ResponseModel):
    """One line of a posted document."""

    line_no: Annotated[int, between(1, MOST_LINES)]
    item_id: UUID
    sku: Sku
    quantity: Amount = Field(description="As it was entered, in `unit`.")
    unit: UnitCode
    base_quantity: Amount = Field(description="In the item's own unit.")
    from_location_id: UUID | None
    to_location_id: UUID | None
    from_seq: Seq | None = Field(description="The number of this move among those of the place.")
    from_after: Amount | None = Field(description="What was there after it.")
    to_seq: Seq | None
    to_after: Amount | None


class TransactionResponse(ResponseModel):
    """A posted document."""

    id: UUID
    type: TransactionType
    document_no: DocumentNo
    external_ref: ExternalRef | None
    effective_at: datetime
    posted_at: datetime
    note: Note | None
    reason: Reason | None
    actor: Annotated[str, one_line(64)]
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    lines: Annotated[list[LineResponse], at_most(MOST_LINES)]


class ShownLine(Struct, frozen=True, kw_only=True):
    """A move as clients see it: quantities as strings, places and no accounts."""

    line_no: int
    item_id: UUID
    sku: str
    quantity: str
    unit: str
    base_quantity: str
    from_location_id: UUID | None
    to_location_id: UUID | None
    from_seq: int | None
    from_after: str | None
    to_seq: int | None
    to_after: str | None

    @classmethod
    def of(cls, move: Move) -> Self:
        """Return how a move is shown."""
        source, target = move.source, move.target
        return cls(
            line_no=move.line_no,
            item_id=move.item_id,
            sku=move.sku,
            quantity=plain(move.entered_quantity),
            unit=move.entered_unit,
            base_quantity=plain(move.quantity),
            from_location_id=source.location_id,
            to_location_id=target.location_id,
            from_seq=source.seq,
            from_after=None if source.after is None else plain(source.after),
            to_seq=target.seq,
            to_after=None if target.after is None else plain(target.after),
        )


class ShownTransaction(Struct, frozen=True, kw_only=True):
    """A transaction as clients see it."""

    id: UUID
    type: TransactionType
    document_no: str
    external_ref: str | None
    effective_at: datetime
    posted_at: datetime
    note: str | None
    reason: Reason | None
    actor: str
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    lines: list[ShownLine]

    @classmethod
    def of(cls, transaction: StockTransaction) -> Self:
        """Return how a transaction is shown."""
        return cls(
            id=transaction.id,
            type=transaction.type,
            document_no=transaction.document_no,
            external_ref=transaction.external_ref,
            effective_at=transaction.effective_at,
            posted_at=transaction.posted_at,
            note=transaction.note,
            reason=transaction.reason,
            actor=transaction.actor,
            reverses_id=transaction.reverses_id,
            reversed_by_id=transaction.reversed_by_id,
            lines=[ShownLine.of(move) for move in transaction.moves],
        )


class TransactionListQuery(ListQuery):
    """Which documents."""

    type: TransactionType | None = Field(None, description="Documents of this type.")
    document_no: Annotated[str, looked_for()] | None = Field(None, description="The number.")
    external_ref: Annotated[str, looked_for()] | None = Field(
        None, description="The reference of another system."
    )
    sort: Literal["id", "-id", "effective_at", "-effective_at"] = Field(
        "id", description="`-` for descending."
    )

    def filter(self) -> TransactionFilter:
        """Return the conditions asked for."""
        return TransactionFilter(
            type=self.type, document_no=self.document_no, external_ref=self.external_ref
        )

    def position(self, transaction: ShownTransaction) -> Position:
        """Return where `transaction` stands in this order."""
        if self.order.field == "id":
            return (transaction.id,)
        return (transaction.effective_at, transaction.id)
