"""Quantities: exact decimals, positive, and no finer than their unit allows."""

from decimal import Decimal
from typing import Final

from sokho.core.domain.texts import Text

MAX_DECIMALS: Final = 6

LIMIT: Final = Decimal(10) ** 14
"""Every quantity and every balance is smaller: ``numeric(20, 6)`` holds no more."""

QUANTITY_RANGE: Final = Text(
    vi="Số lượng phải lớn hơn 0 và nhỏ hơn 100 nghìn tỷ.",
    en="A quantity is greater than 0 and less than 100 trillion.",
)
QUANTITY_PRECISION: Final = Text(
    vi="Số lượng có nhiều chữ số thập phân hơn đơn vị tính cho phép.",
    en="The quantity has more decimals than its unit allows.",
)


def decimals_of(quantity: Decimal) -> int:
    """Return how many decimals a quantity needs: 0 for 2.00."""
    # Not by normalize(), which rounds to the digits of the context.
    _, _, decimals = f"{quantity:f}".partition(".")
    return len(decimals.rstrip("0"))


def converted(quantity: Decimal, numerator: int, denominator: int) -> Decimal | None:
    """Return ``quantity × numerator / denominator``, or None where it has no exact decimals."""
    scaled = int(quantity * 10**MAX_DECIMALS) * numerator
    whole, rest = divmod(scaled, denominator)
    return None if rest else Decimal(whole).scaleb(-MAX_DECIMALS)
