"""What can go wrong with locations."""

from typing import Final
from uuid import UUID

from sokho.core.domain.errors import ConflictError, FieldError, NotFoundError
from sokho.core.domain.texts import Text

UNKNOWN_PARENT: Final = FieldError(
    "/parent_id",
    "unknown_location",
    Text(vi="Doanh nghiệp không có vị trí này.", en="This business has no such location."),
)


class LocationNotFoundError(NotFoundError):
    """There is no such location in this business."""

    text = Text(vi="Không tìm thấy vị trí.", en="The location was not found.")

    def __init__(self, location_id: UUID) -> None:
        super().__init__(f"Location not found: {location_id}")


class DuplicateLocationError(ConflictError):
    """Another location of this business has the code already, ignoring case."""

    code = "duplicate_location"
    text = Text(
        vi="Mã vị trí này đã có trong doanh nghiệp.",
        en="Another location of this business has this code.",
    )

    def __init__(self, code: str) -> None:
        super().__init__(f"Duplicate location: {code}")


class LocationInUseError(ConflictError):
    """What lies below the location, or refers to it, needs it as it is."""

    code = "location_in_use"
    text = Text(
        vi="Vị trí đang được dùng: còn vị trí bên dưới hoặc dữ liệu khác thuộc về nó.",
        en="The location is in use: others lie below it, or other data belong to it.",
    )


class LocationHasStockError(ConflictError):
    """Goods lie at the location, and would be out of reach in one that is archived."""

    code = "location_has_stock"
    text = Text(
        vi="Vị trí còn hàng; hãy xuất hoặc chuyển hết hàng trước khi ngừng sử dụng.",
        en="There is stock at the location; issue or move it before archiving.",
    )
