"""Bodies that are JSON and do not fit, wrong at one place: 422, told at that place."""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import pytest

from tests.api.documented import (
    DOCUMENTED,
    WITH_BODY,
    Documented,
    Position,
    positions,
    sample,
    with_text,
)
from tests.api.premises import Premises
from tests.api.problems import CANARY
from tests.api.test_hostile_parameters import NO_INSTANT

NO_CHARACTERS: Final = [
    *(r"\u0000", CANARY + r"\u0000", r"\ud800", CANARY + r"\ud800", r"\udfff" + CANARY),
    *(r"\udc00\ud800", r"\ud83d\ud83d\ude00", r"\ud800\u0000", r"\uD83D" + "😀"),
]
"""What no text may hold, nor any name of a field, as JSON escapes it."""

NO_NUMBERS: Final = [
    *("1e999", "-1e999", "1E+400", "9223372036854775808", "-9223372036854775809"),
    *("18446744073709551616", "9" * 4_301, "-" + "9" * 100_000, "1e308", "1e-300"),
]
"""What no field takes."""

NESTED: Final = ["[" * 50 + "]" * 50, '{"k":' * 50 + "1" + "}" * 50]

OF_TYPE: Final[dict[str, str]] = {
    "string": f'"{CANARY}"',
    "integer": "7777777777",
    "number": "7777777777.5",
    "boolean": "true",
    "array": f'["{CANARY}"]',
    "object": f'{{"{CANARY}":"{CANARY}"}}',
    "null": "null",
}

SHOWN: Final = {
    name
    for operation in DOCUMENTED
    for status, answer in operation.entry["responses"].items()
    if status < "300"
    for content in answer.get("content", {}).values()
    for name in (content["schema"].get("items") or content["schema"]).get("properties", {})
}
"""Every field that any answer shows, read-only ones among them."""

UNKNOWN: Final = ["", CANARY, "SKU", "sku ", "tenantId", "__proto__", "a/b~c", "$ref", "k" * 10_000]

ONE_TOO_MANY: Final = f'"{CANARY}",'


def wrong_texts(position: Position) -> Iterator[str]:
    """Yield JSON that does not fit at a place."""
    yield from NESTED
    yield from NO_NUMBERS
    for characters in NO_CHARACTERS:
        yield f'"{characters}"'
        if position.is_free:
            yield f'[{{"k":"{characters}"}}]'
            yield f'{{"{characters}":1}}'
    if not position.is_free:
        yield from (text for name, text in OF_TYPE.items() if name not in position.types)
    if position.schema.get("format") == "date-time":
        yield from (f'"{unquote(wrong)}"' for wrong in NO_INSTANT)
    if "integer" in position.types:
        yield from ("-1", "1.5", '"1"', "1e300", str(position.schema["maximum"] + 1))
    if "enum" in position.schema:
        yield from (f'"{CANARY}"', '""', '"ACTIVE"', '"active "')
    if most := position.schema.get("maxItems"):
        yield f"[{ONE_TOO_MANY * most}{ONE_TOO_MANY[:-1]}]"
    if most := position.schema.get("maxLength"):
        yield f'"{CANARY}{"a" * most}"'


def wrong_names(position: Position) -> Iterator[str]:
    """Yield names of a field, as JSON escapes them, that an object cannot have."""
    yield from NO_CHARACTERS
    if not position.is_free:
        yield from UNKNOWN
        yield from SHOWN - position.schema["properties"].keys()


def with_field(value: object, name: str) -> str:
    """Return an object as JSON, with one field more."""
    return f'{json.dumps(value)[:-1]},"{name}":"{CANARY}"}}'


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
class TestEveryPlace:
    async def test_takes_nothing_that_does_not_fit(self, premises: Premises, operation: Documented):
        whole = sample(operation.body)
        for position in positions(operation.body, whole):
            for text in wrong_texts(position):
                body = with_text(whole, position.steps, text)
                problem = await premises.refuses(operation, 422, "validation_failed", body)
                pointers = {error["pointer"] for error in problem["errors"]}
                assert all(each.startswith(position.pointer) for each in pointers), (pointers, body)

    async def test_takes_no_field_that_it_does_not_know(
        self, premises: Premises, operation: Documented
    ):
        whole = sample(operation.body)
        for position in positions(operation.body, whole):
            if not isinstance(position.value, dict):
                continue
            for name in wrong_names(position):
                body = with_text(whole, position.steps, with_field(position.value, name))
                problem = await premises.refuses(operation, 422, "validation_failed", body)
                [error] = problem["errors"]
                assert error["pointer"] == position.pointer, body
                assert error["code"] in {"unknown_field", "invalid_character"}
