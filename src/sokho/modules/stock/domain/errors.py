"""What can go wrong with stock documents."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sokho.core.domain.errors import ConflictError, FieldError, InvalidError, NotFoundError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.quantities import QUANTITY_PRECISION, QUANTITY_RANGE


class StockTransactionNotFoundError(NotFoundError):
    """There is no such document in this business."""

    text = Text(vi="Không tìm thấy chứng từ kho.", en="The stock document was not found.")

    def __init__(self, transaction_id: UUID) -> None:
        super().__init__(f"Stock transaction not found: {transaction_id}")


class InsufficientStockError(ConflictError):
    """More is to go out than is available; `errors` tells by line what is asked and is there."""

    code = "insufficient_stock"
    text = Text(
        vi="Tồn kho không đủ; `errors` ghi từng dòng cần bao nhiêu và còn bao nhiêu.",
        en="There is not enough stock; `errors` tells what each line asks for and what is there.",
    )

    def __init__(self, *shortages: FieldError) -> None:
        self.errors = shortages
        super().__init__(self.code)


class StockReservedError(InsufficientStockError):
    """A loss of what is there, but promised: the reservation has to be released first."""

    code = "stock_reserved"
    text = Text(
        vi="Hàng còn nhưng đã được giữ; hãy hủy giữ hàng trước. `errors` ghi từng dòng.",
        en="The goods are there, but reserved: release them first. `errors` tells of each line.",
    )


class ReservationNotFoundError(NotFoundError):
    """There is no such reservation in this business."""

    text = Text(vi="Không tìm thấy lần giữ hàng.", en="The reservation was not found.")

    def __init__(self, reservation_id: UUID) -> None:
        super().__init__(f"Reservation not found: {reservation_id}")


class ReservationExpiredError(ConflictError):
    """The time of the reservation is over; its goods may be promised to somebody else."""

    code = "reservation_expired"
    text = Text(
        vi="Lần giữ hàng đã hết hạn; hãy giữ hàng lại.",
        en="The reservation has expired; reserve again.",
    )


class ReservationClosedError(ConflictError):
    """The reservation was confirmed or released before."""

    code = "reservation_closed"
    text = Text(
        vi="Lần giữ hàng đã được xuất kho hoặc đã hủy.",
        en="The reservation was confirmed or released already.",
    )


class MinimumNotFoundError(NotFoundError):
    """There is no such item or location in this business, or no minimum is set there."""

    text = Text(
        vi="Không tìm thấy mặt hàng, vị trí hoặc mức tồn tối thiểu.",
        en="The item, the location or its minimum stock was not found.",
    )


class DuplicateExternalRefError(ConflictError):
    """Another document has this external reference."""

    code = "duplicate_external_ref"
    text = Text(
        vi="Mã tham chiếu ngoài này đã có ở chứng từ khác.",
        en="Another document has this external reference.",
    )


class DuplicateDocumentNoError(ConflictError):
    """Another document of the type and year has this number."""

    code = "duplicate_document_no"
    text = Text(
        vi="Số chứng từ này đã có trong năm ở chứng từ cùng loại.",
        en="Another document of this type and year has this number.",
    )


class DuplicateRequestError(ConflictError):
    """A document was posted with this Idempotency-Key, so long ago that its answer is gone."""

    code = "duplicate_request"
    text = Text(
        vi="Đã có chứng từ được ghi với Idempotency-Key này từ trước.",
        en="A document was posted with this Idempotency-Key before.",
    )


class AlreadyReversedError(ConflictError):
    """The document has been reversed: it cannot be reversed twice."""

    code = "already_reversed"
    text = Text(vi="Chứng từ này đã được ghi đảo.", en="The document has been reversed already.")


class CannotReverseReversalError(ConflictError):
    """A reversal stays: what it undid is posted anew."""

    code = "cannot_reverse_reversal"
    text = Text(
        vi="Không ghi đảo một chứng từ ghi đảo; hãy lập chứng từ mới.",
        en="A reversal cannot be reversed; post a new document.",
    )


class PeriodLockedError(ConflictError):
    """The document is dated in a period whose books are locked."""

    code = "period_locked"
    text = Text(
        vi="Sổ kho của kỳ này đã khóa; hãy ghi chứng từ vào kỳ sau, hoặc mở lại kỳ.",
        en="The books of this period are locked: date the document later, or reopen the period.",
    )


class QuantityPrecisionError(InvalidError):
    """A quantity is finer than its unit, or has no exact quantity in the item's own unit."""

    code = "quantity_precision"
    text = QUANTITY_PRECISION


class QuantityOutOfRangeError(InvalidError):
    """A quantity, or what would be there with it, is not within the limits."""

    code = "quantity_out_of_range"
    text = QUANTITY_RANGE


class EffectiveAtInFutureError(InvalidError):
    """A document cannot be of a time that is still to come."""

    code = "effective_at_in_future"
    text = Text(
        vi="Ngày chứng từ không được ở tương lai.", en="The document's date is in the future."
    )


class SameAccountError(InvalidError):
    """Goods cannot be moved to where they are."""

    code = "same_account"
    text = Text(
        vi="Nơi đi và nơi đến phải khác nhau.", en="From and to must be two different places."
    )


class ItemArchivedError(InvalidError):
    """The item is archived: it takes part in no new document."""

    code = "item_archived"
    text = Text(vi="Mặt hàng đã ngừng kinh doanh.", en="The item is archived.")


class LocationArchivedError(InvalidError):
    """The location is archived: nothing new goes there or comes from there."""

    code = "location_archived"
    text = Text(vi="Vị trí đã ngừng sử dụng.", en="The location is archived.")


class UnknownItemError(InvalidError):
    """The business has no such item."""

    code = "unknown_item"
    text = Text(vi="Không có mặt hàng này.", en="There is no such item.")


class UnknownLocationError(InvalidError):
    """The business has no such location."""

    code = "unknown_location"
    text = Text(vi="Không có vị trí này.", en="There is no such location.")


_BY_CODE: Final[dict[str, type[InvalidError]]] = {
    error.code: error
    for error in (
        QuantityPrecisionError,
        QuantityOutOfRangeError,
        EffectiveAtInFutureError,
        SameAccountError,
        ItemArchivedError,
        LocationArchivedError,
        UnknownItemError,
        UnknownLocationError,
    )
}


def fault(pointer: str, error: type[InvalidError]) -> FieldError:
    """Return the fault of one field, with the code and text of `error`."""
    return FieldError(pointer, error.code, error.text)


def fault_of(pointer: str, code: str) -> FieldError:
    """Return the fault of one field, with the code of one of the errors and its text."""
    return fault(pointer, _BY_CODE[code])


def refuse(faults: Collection[FieldError]) -> None:
    """Raise `InvalidError` with the faults, if there are any: of the kind that all share."""
    if faults:
        codes = {each.code for each in faults}
        raise _BY_CODE.get(codes.pop() if len(codes) == 1 else "", InvalidError)(*faults)
