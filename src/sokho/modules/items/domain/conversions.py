"""How an item's other units convert to its own: exactly, as a fraction."""

from typing import Final, Self
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text

LARGEST_TERM: Final = 1_000_000_000

_RANGE = Text(
    vi="Phải là số nguyên từ 1 đến {most}.", en="This must be a whole number from 1 to {most}."
).format(most=LARGEST_TERM)
_OWN_UNIT = Text(
    vi="Đây là đơn vị cơ bản của mặt hàng, không cần quy đổi.",
    en="This is the item's own unit: there is nothing to convert.",
)


class Conversion(Struct, frozen=True, kw_only=True):
    """One `unit` of an item is ``numerator / denominator`` of the item's own unit.

    A case of 24 cans: ``Conversion(unit="thùng", numerator=24, denominator=1)``. A fraction,
    because a third has no decimals; kept as given, not in lowest terms.
    """

    tenant_id: UUID
    item_id: UUID
    unit: str
    numerator: int
    denominator: int

    @classmethod
    def create(
        cls, *, tenant_id: UUID, item_id: UUID, unit: str, numerator: int, denominator: int
    ) -> Self:
        """Return a valid conversion; raises `InvalidError` naming every field at fault."""
        terms = {"/numerator": numerator, "/denominator": denominator}
        errors = [
            FieldError(pointer, "out_of_range", _RANGE)
            for pointer, term in terms.items()
            if not 1 <= term <= LARGEST_TERM
        ]
        if errors:
            raise InvalidError(*errors)
        return cls(
            tenant_id=tenant_id,
            item_id=item_id,
            unit=unit,
            numerator=numerator,
            denominator=denominator,
        )

    @property
    def terms(self) -> dict[str, int]:
        """The fraction, by the names of its terms."""
        return {"numerator": self.numerator, "denominator": self.denominator}

    def refuse_own_unit(self, unit: str) -> None:
        """Raise `InvalidError` where `unit`, the item's own, is the one to convert from."""
        if self.unit == unit:
            raise InvalidError(FieldError("/unit", "own_unit", _OWN_UNIT))
