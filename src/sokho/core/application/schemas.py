r"""What the OpenAPI document says of values that entities judge: told, and not judged twice.

A pattern is one regular expression to ECMA 262, Python and Rust alike, so it spells out what
each of them would mean by `\s`. What PostgreSQL cannot store, lone surrogates, no JSON document
in UTF-8 can hold either.
"""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict

_CONTROLS: Final = r"\x00-\x1f\x7f"
_BLANKS: Final = r"\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LONGEST_UNTRIMMED: Final = 1_000
LONGEST_VALUE: Final = 8_192
"""Of a header or a parameter: what servers and proxies commonly let through (RFC 9110, 4.1)."""

_TEXT: Final = r"^[^\x00]*$"

LARGEST_INTEGER: Final = 2**63 - 1


def one_line(most: int) -> Any:
    """Tell of a text of one line, not all blank: `line_faults` of core/domain/lines.py."""
    inner = rf"[^{_CONTROLS}]*"
    return _told(minLength=1, maxLength=most, pattern=rf"^{inner}[^{_CONTROLS}{_BLANKS}]{inner}$")


def trimmed_line(most: int, *, in_path: bool = False) -> Any:
    """Tell of a line around which blanks are dropped: `trimmed` of core/domain/lines.py.

    The pattern tells the length of what is left, in NFC; the blanks are bounded here. What is
    to stand in a path is neither `.` nor `..` (RFC 3986, 5.2.4), and has no slash.
    """
    without = "/" if in_path else ""
    inner = rf"[^{_CONTROLS}{without}]"
    end = rf"[^{_CONTROLS}{_BLANKS}{without}]"
    edge = rf"[\t-\r\x1c-\x1f{_BLANKS}]*"
    start = rf"^(?!{edge}\.{{1,2}}{edge}$)" if in_path else "^"
    pattern = rf"{start}{edge}{end}({inner}{{0,{most - 2}}}{end})?{edge}$"
    told: JsonDict = {"minLength": 1, "pattern": pattern}
    return Field(max_length=_LONGEST_UNTRIMMED, json_schema_extra=told)


def text(most: int) -> Any:
    """Tell of a text of any lines."""
    return _told(maxLength=most, pattern=_TEXT)


def looked_for(most: int = LONGEST_VALUE) -> Any:
    """Judge and tell of a value that a filter compares with."""
    return Field(max_length=most, json_schema_extra={"pattern": _TEXT})


def uuid_text() -> Any:
    """Tell of a UUID that is written as text already."""
    return _told(format="uuid")


def matching(pattern: str, most: int) -> Any:
    """Tell of a text that a pattern describes."""
    return _told(maxLength=most, pattern=pattern)


def at_most(items: int) -> Any:
    """Tell of an array's greatest length."""
    return _told(maxItems=items)


def between(least: int, most: int) -> Any:
    """Tell of an integer's bounds."""
    return _told(minimum=least, maximum=most)


def _told(**keywords: int | str) -> Any:
    extra: JsonDict = {**keywords}
    return Field(json_schema_extra=extra)


def _whole(value: object) -> object:
    """Read a number without a fraction as the integer that it is (JSON Schema 2020-12, 4.2.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE: Final = BeforeValidator(_whole)
"""Of a strict integer in a body: JSON knows one kind of number, and `2.0` is the integer 2."""

Version = Annotated[int, between(1, LARGEST_INTEGER)]
ApiKeyText = Annotated[str, matching("^sokho_", 121)]
