"""What can go wrong with units."""

from sokho.core.domain.errors import ConflictError, NotFoundError
from sokho.core.domain.texts import Text


class UnitNotFoundError(NotFoundError):
    """There is no such unit in this business."""

    text = Text(vi="Không tìm thấy đơn vị tính.", en="The unit was not found.")

    def __init__(self, code: str) -> None:
        super().__init__(f"Unit not found: {code}")


class DuplicateUnitError(ConflictError):
    """This business has a unit of this code already."""

    code = "duplicate_unit"
    text = Text(
        vi="Mã đơn vị tính này đã có trong doanh nghiệp.",
        en="This business has a unit with this code.",
    )

    def __init__(self, code: str) -> None:
        super().__init__(f"Duplicate unit: {code}")
