"""JSON objects of a business's own making: bounded, compared as JSON, patched by RFC 7396."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sokho.core.domain.errors import FieldError
from sokho.core.domain.lines import TEXT, WRONG_CHARACTER
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

_SMALLEST_NUMBER: Final = 1e-18

_SMALLEST_WITH_EXPONENT: Final = 1e16
"""From here on a float is written with an exponent, and jsonb returns it as an integer."""


def object_faults(pointer: str, content: Mapping[str, object]) -> Iterator[FieldError]:
    """Yield what keeps an object from surviving PostgreSQL's jsonb and any JSON parser."""
    if _is_too_deep(content):
        yield FieldError(pointer, "too_deep", _DEPTH)
        return
    pending: list[object] = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            if not TEXT.fullmatch(value):
                yield FieldError(pointer, "invalid_character", WRONG_CHARACTER)
                return
        elif not _is_plain_number(value):
            yield FieldError(pointer, "out_of_range", _NUMBER)
            return
    if len(_written(content).encode()) > OBJECT_BYTES:
        yield FieldError(pointer, "too_long", _SIZE)


def are_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two objects are the same JSON once stored; to Python 1, 1.0 and true are equal."""
    return one == other and _is_same(one, other)


def merged(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with a merge patch applied (RFC 7396, section 2): null deletes.

    A patch that nests too deep is returned as it is: so would its result, which is judged.
    """
    return dict(patch) if _is_too_deep(patch) else _merged(content, patch)


def _written(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


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


def _is_too_deep(value: object) -> bool:
    """Measure the depth level by level: recursion would have a limit of its own."""
    level: list[object] = [value]
    for _ in range(OBJECT_DEPTH):
        level = [child for each in level for child in _children(each)]
    return any(isinstance(each, dict | list) for each in level)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_plain_number(value: object) -> bool:
    """Whether a scalar is null, a boolean, or a number that jsonb keeps as one.

    A float from 2^63 on has no fraction, so jsonb would return it as an integer that no
    64 bits hold; and jsonb writes out every zero of a tiny one.
    """
    if isinstance(value, int | float):
        return -(2**63) <= value < 2**63 and (value == 0 or abs(value) >= _SMALLEST_NUMBER)
    return value is None
