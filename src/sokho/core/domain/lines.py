"""What a text may consist of: rules that the entities of all modules share."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
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


def is_text(value: str) -> bool:
    """Whether PostgreSQL can store a text; of most texts, which are plain, Python knows at once."""
    return value.isprintable() or TEXT.fullmatch(value) is not None


def line_faults(pointer: str, value: str, most: int) -> Sequence[FieldError]:
    """Return what keeps `value` from being one line of 1 to `most` characters, not all blank."""
    if 0 < len(value) <= most and value.isprintable() and not value.isspace():
        return ()  # as nearly all are
    return [*_line_faults(pointer, value, most)]


def _line_faults(pointer: str, value: str, most: int) -> Iterator[FieldError]:
    if not value.strip():
        yield FieldError(pointer, "too_short", _LENGTH.format(most=most))
    if len(value) > most:
        yield FieldError(pointer, "too_long", _LENGTH.format(most=most))
    if not LINE.fullmatch(value):
        yield FieldError(pointer, "invalid_character", WRONG_CHARACTER)


def trimmed(code: str) -> str:
    """Return a code as it is kept: without blanks around it, and in NFC."""
    return _composed(code.strip())


def caseless(code: str) -> str:
    """Return the form of a code by which it is told apart where case does not count."""
    return _composed(trimmed(code).casefold())


def _composed(code: str) -> str:
    return code if code.isascii() else unicodedata.normalize("NFC", code)
