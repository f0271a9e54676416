"""What can go wrong with items."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sokho.core.domain.errors import ConflictError, FieldError, InvalidError, NotFoundError
from sokho.core.domain.texts import Text

UNKNOWN_UNIT: Final = FieldError(
    "/unit",
    "unknown_unit",
    Text(
        vi="Doanh nghiệp chưa có đơn vị tính này; hãy thêm trước khi dùng.",
        en="This business has no such unit; add it first.",
    ),
)


class ItemNotFoundError(NotFoundError):
    """There is no such item in this business."""

    code = "item_not_found"
    text = Text(vi="Không tìm thấy mặt hàng.", en="The item was not found.")

    def __init__(self, item_id: UUID) -> None:
        self.item_id = item_id
        super().__init__(f"Item not found: {item_id}")


class DuplicateSKUError(ConflictError):
    """Another item of this business has the SKU already, ignoring case."""

    code = "duplicate_sku"
    text = Text(
        vi="Mã hàng (SKU) này đã có trong doanh nghiệp.",
        en="Another item of this business has this SKU.",
    )

    def __init__(self, sku: str) -> None:
        self.sku = sku
        super().__init__(f"Duplicate SKU: {sku}")


class DuplicateSKUInBatchError(InvalidError):
    """Two rows of a batch have one SKU, ignoring case; `errors` names each second one."""

    code = "duplicate_sku_in_batch"
    text = Text(
        vi="Một mã hàng (SKU) xuất hiện hai lần trong danh sách gửi lên.",
        en="One SKU stands twice in the batch.",
    )


class ItemInUseError(ConflictError):
    """The item stands in stock documents, which must stay readable: archive it instead."""

    code = "item_in_use"
    text = Text(
        vi="Mặt hàng đã được dùng trong chứng từ nên không thể xóa; hãy ngừng kinh doanh.",
        en="The item is in use and cannot be deleted; archive it instead.",
    )


class UnitInUseError(ConflictError):
    """Quantities or conversion rates are told in the item's unit, so it cannot become another."""

    code = "unit_in_use"
    text = Text(
        vi="Không thể đổi đơn vị tính: mặt hàng đã có tỷ lệ quy đổi hoặc biến động kho.",
        en="The unit cannot change: the item has conversion rates or stock moves in it.",
    )

    def __init__(self, rows: Iterable[int] = ()) -> None:
        self.errors = [FieldError(f"/items/{row}/unit", self.code, self.text) for row in rows]
        super().__init__(self.code)


class ConversionNotFoundError(NotFoundError):
    """The item has no conversion from this unit."""

    text = Text(
        vi="Mặt hàng không có tỷ lệ quy đổi cho đơn vị này.",
        en="The item has no conversion rate for this unit.",
    )
