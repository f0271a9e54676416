"""Barcodes: letters and digits, of which a GTIN carries its own proof."""

import re
from collections.abc import Iterator
from typing import Final

from stdnum import ean

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

_ALPHANUMERIC: Final = re.compile(r"[0-9A-Za-z]+")
_GTIN: Final = re.compile(r"[0-9]{12,14}")


def barcode_faults(barcode: str) -> Iterator[FieldError]:
    """Yield what is wrong with a barcode.

    Twelve to fourteen digits are a GTIN (GS1 General Specifications, section 7.9).
    """
    if len(barcode) > BARCODE_LENGTH or not _ALPHANUMERIC.fullmatch(barcode):
        yield FieldError("/barcode", "invalid", _FORM)
    elif _GTIN.fullmatch(barcode) and not ean.is_valid(barcode):
        yield FieldError("/barcode", "invalid_check_digit", _CHECK_DIGIT)
