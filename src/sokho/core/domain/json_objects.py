"""JSON objects of a business's own making: bounded, compared as JSON, patched by RFC 7396."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sokho.core.domain.errors import FieldError
from sokho.core.domain.lines import WRONG_CHARACTER, is_text
from sokho.core.domain.texts import Text

OBJECT_BYTES: Final = 16 * 1024
OBJECT_DEPTH: Final = 5

_SIZE = Text(vi="Nội dung vượt quá 16 KiB.", en="The object takes more than 16 KiB.")
_DEPTH = Text(
    vi="Nội dung lồng nhau quá {most} tầng.", en="The object nests deeper than {most} levels."
).format(most=OBJECT_DEPTH)
_NUMBER = Text(
    vi="Có số nằm ngoài khoảng cho phép.",
    en="A number in the object is out of range.",
)

_CONTAINERS: Final = (dict, list)
_NUMBERS: Final = (int, float)

# How many bytes of JSON a character takes at most, as U+0001 does; and a scalar, or a container,
# beside its characters: quotes, a colon, a comma, brackets, the digits of a number.
_MOST_OF_A_CHARACTER: Final = 6
_MOST_OF_A_SCALAR: Final = 28

_SMALLEST_NUMBER: Final = 1e-18

_SMALLEST_WITH_EXPONENT: Final = 1e16
"""From here on a float is written with an exponent, and jsonb returns it as an integer."""


def object_faults(pointer: str, content: Mapping[str, object]) -> Sequence[FieldError]:
    """Return what keeps an object from surviving PostgreSQL's jsonb and any JSON parser."""
    texts: list[str] = []
    others: list[object] = []
    if _is_too_deep(content, texts, others):
        return (FieldError(pointer, "too_deep", _DEPTH),)
    text = "".join(texts)
    if not is_text(text):
        return (FieldError(pointer, "invalid_character", WRONG_CHARACTER),)
    if not all(map(_is_plain, others)):
        return (FieldError(pointer, "out_of_range", _NUMBER),)
    most = _MOST_OF_A_CHARACTER * len(text) + _MOST_OF_A_SCALAR * (1 + len(texts) + len(others))
    if most > OBJECT_BYTES and _is_too_long(content):
        return (FieldError(pointer, "too_long", _SIZE),)
    return ()


def are_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two objects are the same JSON once stored; to Python 1, 1.0 and true are equal."""
    return one == other and _is_same(one, other)


def merged(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with a merge patch applied (RFC 7396, section 2): null deletes.

    A patch that nests too deep is returned as it is: so would its result, which is judged.
    """
    return dict(patch) if _is_too_deep(patch, [], []) else _merged(content, patch)


def _is_too_long(content: Mapping[str, object]) -> bool:
    written = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return len(written.encode()) > OBJECT_BYTES


def _is_same(one: Any, other: Any) -> bool:
    """Compare what Python does not, in two values that are equal to it."""
    if isinstance(one, Mapping):
        return all(_is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_is_same, one, other))
    if type(one) is type(other):
        return True
    return bool not in {type(one), type(other)} and abs(one) >= _SMALLEST_WITH_EXPONENT


def _merged(target: object, patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(result.get(name), value)
        else:
            result[name] = value
    return result


def _is_too_deep(content: Mapping[str, object], texts: list[str], others: list[object]) -> bool:
    """Measure the depth level by level: recursion would have a limit of its own.

    What is no object and no list is added to `texts`, names among them, or to `others`. A list or
    an object itself is added there as nothing.
    """
    level: list[Any] = [content]
    for _ in range(OBJECT_DEPTH):
        inner: list[Any] = []
        for each in level:
            values: Iterable[object] = each
            if isinstance(each, dict):
                texts += each
                values = each.values()
            for value in values:
                if isinstance(value, str):
                    texts.append(value)
                elif isinstance(value, _CONTAINERS):
                    inner.append(value)
                    others.append(None)
                else:
                    others.append(value)
        if not inner:
            return False
        level = inner
    return True


def _is_plain(value: object) -> bool:
    """Whether a scalar is null, a boolean, or a number that jsonb keeps as one.

    A float from 2^63 on has no fraction, so jsonb would return it as an integer that no
    64 bits hold; and jsonb writes out every zero of a tiny one.
    """
    if isinstance(value, _NUMBERS):
        return -(2**63) <= value < 2**63 and (value == 0 or abs(value) >= _SMALLEST_NUMBER)
    return value is None
