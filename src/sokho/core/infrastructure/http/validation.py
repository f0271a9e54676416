"""Pydantic's findings as field errors: a pointer, a stable code, a text in two languages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sokho.core.domain.errors import FieldError
from sokho.core.domain.lines import REQUIRED, WRONG_CHARACTER
from sokho.core.domain.texts import Text

_UNKNOWN: Final = Text(vi="Không có trường hoặc tham số này.", en="There is no such field.")
_TOO_LONG: Final = Text(vi="Quá dài.", en="This is too long.")
_TOO_SHORT: Final = Text(vi="Quá ngắn.", en="This is too short.")
_OUT_OF_RANGE: Final = Text(vi="Ngoài khoảng cho phép.", en="This is out of range.")
_REPEATED: Final = Text(vi="Bị lặp lại.", en="This is given more than once.")
_INVALID: Final = Text(vi="Giá trị không hợp lệ.", en="The value is not valid.")

REPEATED_PARAMETER: Final = "repeated_parameter"

_FINDINGS: Final[Mapping[str, tuple[str, Text]]] = {
    "missing": ("required", REQUIRED),
    "extra_forbidden": ("unknown_field", _UNKNOWN),
    "string_too_long": ("too_long", _TOO_LONG),
    "too_long": ("too_long", _TOO_LONG),
    "string_too_short": ("too_short", _TOO_SHORT),
    "too_short": ("too_short", _TOO_SHORT),
    "greater_than": ("out_of_range", _OUT_OF_RANGE),
    "greater_than_equal": ("out_of_range", _OUT_OF_RANGE),
    "less_than": ("out_of_range", _OUT_OF_RANGE),
    "less_than_equal": ("out_of_range", _OUT_OF_RANGE),
    "string_unicode": ("invalid_character", WRONG_CHARACTER),
    "invalid_character": ("invalid_character", WRONG_CHARACTER),
    REPEATED_PARAMETER: ("repeated_parameter", _REPEATED),
}


def field_errors(found: Sequence[Mapping[str, Any]]) -> Iterable[FieldError]:
    """Translate Pydantic's error dictionaries.

    A field of the body is named by an RFC 6901 pointer (``/tags/3``), a parameter by where
    it stands (``/query/limit``). A name that the caller made up is not repeated.
    """
    for error in found:
        code, text = _FINDINGS.get(error["type"], ("invalid", _INVALID))
        yield FieldError(_pointer(error["loc"], known=code != "unknown_field"), code, text)


def _pointer(location: Sequence[object], *, known: bool) -> str:
    steps = location if known else location[:-1]
    if steps and steps[0] == "body":
        steps = steps[1:]
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
