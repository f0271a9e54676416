"""Attributes: a JSON object of the business's own making, bounded, and patched by RFC 7396."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.lines import TEXT, WRONG_CHARACTER
from sokho.core.domain.texts import Text

ATTRIBUTES_BYTES: Final = 16 * 1024
ATTRIBUTES_DEPTH: Final = 5

_SIZE = Text(vi="Thuộc tính vượt quá 16 KiB.", en="The attributes take more than 16 KiB.")
_DEPTH = Text(
    vi="Thuộc tính lồng nhau quá {most} tầng.", en="The attributes nest deeper than {most} levels."
).format(most=ATTRIBUTES_DEPTH)
_NUMBER = Text(
    vi="Thuộc tính có số nằm ngoài khoảng cho phép.",
    en="The attributes have a number out of range.",
)

_SMALLEST_NUMBER: Final = 1e-18


def attribute_faults(attributes: Mapping[str, object]) -> Iterator[FieldError]:
    """Yield what keeps the attributes from surviving PostgreSQL's jsonb and any JSON parser."""
    if _is_too_deep(attributes):
        yield FieldError("/attributes", "too_deep", _DEPTH)
        return
    pending: list[object] = [attributes]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            if not TEXT.fullmatch(value):
                yield FieldError("/attributes", "invalid_character", WRONG_CHARACTER)
                return
        elif not _is_plain_number(value):
            yield FieldError("/attributes", "out_of_range", _NUMBER)
            return
    if len(_written(attributes).encode()) > ATTRIBUTES_BYTES:
        yield FieldError("/attributes", "too_long", _SIZE)


def are_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two objects are the same JSON; to Python 1, 1.0 and true are equal."""
    return one == other and _written(one, sort=True) == _written(other, sort=True)


def merged(attributes: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes with a merge patch applied (RFC 7396, section 2): null deletes.

    Raises `InvalidError` for a patch that nests too deep: so would its result.
    """
    if _is_too_deep(patch):
        raise InvalidError(FieldError("/attributes", "too_deep", _DEPTH))
    return _merged(attributes, patch)


def _written(attributes: Mapping[str, object], *, sort: bool = False) -> str:
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"), sort_keys=sort)


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
    for _ in range(ATTRIBUTES_DEPTH):
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
