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


class UnitInUseError(ConflictError):
    """Stock has been posted in the unit, to as many decimals as it has."""

    code = "unit_in_use"
    text = Text(
        vi="Không thể đổi số chữ số thập phân: đã có biến động kho theo đơn vị tính này.",
        en="The decimals cannot change: stock has moved in this unit.",
    )
