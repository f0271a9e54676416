"""Barcodes: letters and digits, of which a GTIN carries its own proof."""

from collections.abc import Sequence
from typing import Final

from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text

BARCODE_LENGTH: Final = 64

_FORM = Text(
    vi="Mã vạch chỉ gồm chữ cái không dấu và chữ số, tối đa {most} ký tự.",
    en="A barcode has letters and digits only, at most {most}.",
).format(most=BARCODE_LENGTH)
_CHECK_DIGIT = Text(
    vi="Số kiểm tra của mã vạch (GTIN) không đúng.",
    en="The check digit of the barcode (GTIN) is wrong.",
)

_GTIN_LENGTHS: Final = range(12, 15)
_VALUES: Final = bytes.maketrans(b"0123456789", bytes(range(10)))


def barcode_faults(barcode: str) -> Sequence[FieldError]:
    """Return what is wrong with a barcode.

    Twelve to fourteen digits are a GTIN (GS1 General Specifications, section 7.9).
    """
    if len(barcode) > BARCODE_LENGTH or not (barcode.isascii() and barcode.isalnum()):
        return (FieldError("/barcode", "invalid", _FORM),)
    if len(barcode) in _GTIN_LENGTHS and barcode.isdigit() and not _is_checked(barcode):
        return (FieldError("/barcode", "invalid_check_digit", _CHECK_DIGIT),)
    return ()


def _is_checked(gtin: str) -> bool:
    """Whether the last digit fits: from it leftwards the weights are 1 and 3 by turns."""
    digits = gtin.encode().translate(_VALUES)
    return (sum(digits[::-2]) + 3 * sum(digits[-2::-2])) % 10 == 0
