"""What can go wrong with items."""

from uuid import UUID

from sokho.core.domain.errors import ConflictError, NotFoundError
from sokho.core.domain.texts import Text


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
