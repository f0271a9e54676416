"""What a text may consist of: rules that the entities of all modules share."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text

LINE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
"""A text without control characters and lone surrogates."""

TEXT: Final = re.compile(r"[^\x00\ud800-\udfff]*")
"""What PostgreSQL can store: several lines, but neither NUL nor lone surrogates."""

WRONG_CHARACTER: Final = Text(
    vi="Chứa ký tự không được phép.", en="This contains a character that is not allowed."
)
REQUIRED: Final = Text(vi="Bắt buộc phải có.", en="This is required.")

_LENGTH = Text(vi="Độ dài phải từ 1 đến {most} ký tự.", en="This must have 1 to {most} characters.")


def line_faults(pointer: str, value: str, most: int) -> Iterator[FieldError]:
    """Yield what keeps `value` from being one line of 1 to `most` characters, not all blank."""
    if not value.strip():
        yield FieldError(pointer, "too_short", _LENGTH.format(most=most))
    if len(value) > most:
        yield FieldError(pointer, "too_long", _LENGTH.format(most=most))
    if not LINE.fullmatch(value):
        yield FieldError(pointer, "invalid_character", WRONG_CHARACTER)


def trimmed(code: str) -> str:
    """Return a code as it is kept: without blanks around it, and in NFC."""
    return unicodedata.normalize("NFC", code.strip())


def caseless(code: str) -> str:
    """Return the form of a code by which it is told apart where case does not count."""
    return unicodedata.normalize("NFC", trimmed(code).casefold())
