"""Stock documents (phiếu): what a client asks to be posted, and what each type allows."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.errors import FieldError
from sokho.core.domain.lines import REQUIRED, TEXT, WRONG_CHARACTER, line_faults
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.errors import SameAccountError, fault

MOST_LINES: Final = 500
DOCUMENT_NO_LENGTH: Final = 64
EXTERNAL_REF_LENGTH: Final = 255
NOTE_LENGTH: Final = 1_000

_NOT_HERE: Final = Text(
    vi="Loại chứng từ này không có trường này.", en="This type of document has no such field."
)
_ONE_NAME: Final = Text(
    vi="Ghi mặt hàng bằng item_id hoặc sku, không dùng cả hai.",
    en="Name the item by item_id or by sku, not by both.",
)
_ONE_SIDE: Final = Text(
    vi="Dòng điều chỉnh có đúng một nơi: nơi đi khi giảm, nơi đến khi tăng.",
    en="A line of an adjustment has one place: from for a loss, to for a gain.",
)


class TransactionType(StrEnum):
    """The four documents of a store."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"

    @property
    def prefix(self) -> str:
        """What its numbers begin with: nhập, xuất, chuyển, điều chỉnh."""
        return _PREFIXES[self]


_PREFIXES: Final[Mapping[TransactionType, str]] = {
    TransactionType.RECEIPT: "PN",
    TransactionType.ISSUE: "PX",
    TransactionType.TRANSFER: "CK",
    TransactionType.ADJUSTMENT: "DC",
}


class Reason(StrEnum):
    """Why stock is adjusted."""

    COUNT = "count"
    DAMAGE = "damage"
    OPENING = "opening"
    OTHER = "other"


class AccountKind(StrEnum):
    """What an account stands for: goods at a location, or where goods come from and go to."""

    ON_HAND = "on_hand"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    GAIN = "gain"
    LOSS = "loss"
    OPENING = "opening"


class Line(Struct, frozen=True, kw_only=True):
    """One line of a document as it is asked for; the item by its id or by its SKU."""

    quantity: Decimal
    item_id: UUID | None = None
    sku: str | None = None
    unit: str | None = None
    from_location_id: UUID | None = None
    to_location_id: UUID | None = None


class Document(Struct, frozen=True, kw_only=True):
    """A document to be posted."""

    type: TransactionType
    lines: tuple[Line, ...]
    effective_at: datetime | None = None
    document_no: str | None = None
    external_ref: str | None = None
    note: str | None = None
    reason: Reason | None = None

    def kinds(self, line: Line) -> tuple[AccountKind, AccountKind]:
        """Return the kinds of account that a line takes from and gives to."""
        if self.type is TransactionType.RECEIPT:
            return AccountKind.SUPPLIER, AccountKind.ON_HAND
        if self.type is TransactionType.ISSUE:
            return AccountKind.ON_HAND, AccountKind.CUSTOMER
        if self.type is TransactionType.TRANSFER:
            return AccountKind.ON_HAND, AccountKind.ON_HAND
        if line.from_location_id is not None:
            return AccountKind.ON_HAND, AccountKind.LOSS
        is_opening = self.reason is Reason.OPENING
        return AccountKind.OPENING if is_opening else AccountKind.GAIN, AccountKind.ON_HAND

    def faults(self) -> Iterator[FieldError]:
        """Yield what does not fit, as far as it shows without the books."""
        if self.document_no is not None:
            yield from line_faults("/document_no", self.document_no, DOCUMENT_NO_LENGTH)
        if self.external_ref is not None:
            yield from line_faults("/external_ref", self.external_ref, EXTERNAL_REF_LENGTH)
        yield from note_faults(self.note)
        is_adjustment = self.type is TransactionType.ADJUSTMENT
        if is_adjustment and self.reason is None:
            yield FieldError("/reason", "required", REQUIRED)
        if not is_adjustment and self.reason is not None:
            yield FieldError("/reason", "not_allowed", _NOT_HERE)
        for number, line in enumerate(self.lines):
            for each in self._faults_of(line):
                yield each.below(f"/lines/{number}")

    def _faults_of(self, line: Line) -> Iterator[FieldError]:
        yield from _faults_of_names(line)
        sides = {"/from_location_id": line.from_location_id, "/to_location_id": line.to_location_id}
        if self.type is TransactionType.ADJUSTMENT:
            if len([side for side in sides.values() if side is not None]) != 1:
                yield FieldError("/from_location_id", "required", _ONE_SIDE)
            return
        wanted = _SIDES[self.type]
        for pointer, side in sides.items():
            if pointer in wanted and side is None:
                yield FieldError(pointer, "required", REQUIRED)
            elif pointer not in wanted and side is not None:
                yield FieldError(pointer, "not_allowed", _NOT_HERE)
        if line.from_location_id is not None and line.from_location_id == line.to_location_id:
            yield fault("/to_location_id", SameAccountError)


def note_faults(note: str | None) -> Iterator[FieldError]:
    """Yield what keeps a note from being stored."""
    if note is not None and not TEXT.fullmatch(note):
        yield FieldError("/note", "invalid_character", WRONG_CHARACTER)


def _faults_of_names(line: Line) -> Iterator[FieldError]:
    if line.item_id is None and line.sku is None:
        yield FieldError("/item_id", "required", REQUIRED)
    elif line.item_id is not None and line.sku is not None:
        yield FieldError("/sku", "not_allowed", _ONE_NAME)
    for pointer, text in (("/sku", line.sku), ("/unit", line.unit)):
        if text is not None and not TEXT.fullmatch(text):
            yield FieldError(pointer, "invalid_character", WRONG_CHARACTER)


_SIDES: Final[Mapping[TransactionType, frozenset[str]]] = {
    TransactionType.RECEIPT: frozenset({"/to_location_id"}),
    TransactionType.ISSUE: frozenset({"/from_location_id"}),
    TransactionType.TRANSFER: frozenset({"/from_location_id", "/to_location_id"}),
}
