"""The operations as the OpenAPI document has them: a new one is tried as soon as it is there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.conftest import settings_for

Schema: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[str | int, ...]

_NOWHERE: Final = "postgresql://nobody:nothing@localhost:1/none"

EITHER: Final = [("scopes", "role"), ("item_id", "sku"), ("item_id", "barcode")]
"""Pairs of fields of which an object has one."""

LEFT_OUT: Final = ("from_location_id", "reason")
"""Fields of a stock document that do not go with the first type."""

FREE: Final[Schema] = {}
"""The schema of a place where any JSON may stand."""

# What stands in an object without a schema: each kind of value, also nested.
_ANYTHING: Final = {"text": "x", "number": 1, "list": ["x", 1, {"k": "x"}], "object": {"k": [1]}}


@dataclass(frozen=True, repr=False)
class Documented:
    """One operation, with every reference of its entry followed."""

    method: str
    path: str
    entry: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def media_types(self) -> list[str]:
        return list(self.entry.get("requestBody", {}).get("content", {}))

    @property
    def body(self) -> Schema:
        """The schema of the body; an operation without one has none."""
        schema: Schema = self.entry["requestBody"]["content"][self.media_types[0]]["schema"]
        return schema

    @property
    def answer(self) -> Schema | None:
        """The schema of what it answers when it succeeds."""
        for status, answer in self.entry["responses"].items():
            if status < "300" and "content" in answer:
                schema: Schema = answer["content"]["application/json"]["schema"]
                return schema
        return None

    def parameters(self, place: str) -> dict[str, Schema]:
        """Return the schemas of the parameters that stand in the path, the query or headers."""
        found = self.entry.get("parameters", [])
        return {each["name"]: each["schema"] for each in found if each["in"] == place}

    def required(self, place: str) -> set[str]:
        """Return the names of the parameters that have to stand in a place."""
        found = self.entry.get("parameters", [])
        return {each["name"] for each in found if each["in"] == place and each.get("required")}

    def codes(self, status: int) -> set[str]:
        """Return the codes of the problems that the document foresees with a status."""
        content = self.entry["responses"].get(str(status), {}).get("content", {})
        return set(content.get("application/problem+json", {}).get("examples", {}))

    def succeeds_with(self, status: int) -> bool:
        return status < 400 and str(status) in self.entry["responses"]


@dataclass(frozen=True)
class Position:
    """A place in a body, the schema of what may stand there, and what stands there now."""

    steps: Steps
    schema: Schema
    value: object
    pointer: str
    """Where a fault is told: the place itself, or the outermost object without a schema."""

    types: frozenset[str]
    """The JSON types that fit; none are told where any does."""

    @property
    def is_free(self) -> bool:
        """Whether any JSON may stand here, if only in an object."""
        return is_free(self.schema)


def positions(schema: Schema, value: object, steps: Steps = ()) -> Iterator[Position]:
    """Yield every place in a body, the body itself first."""
    types = frozenset(each["type"] for each in schema.get("anyOf", [schema]) if "type" in each)
    schema = without_null(schema)
    here = Position(steps, schema, value, "".join(f"/{step}" for step in steps), types)
    yield here
    inner: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = iter(enumerate(value))
    for step, each in inner:
        if here.is_free:
            for found in positions(FREE, each, (*steps, step)):
                yield replace(found, pointer=here.pointer)
        else:
            properties = schema.get("properties", {})
            below = schema["items"] if isinstance(step, int) else properties[step]
            yield from positions(below, each, (*steps, step))


def sample(schema: Schema, name: str = "") -> Any:
    """Return a value that fits, with every property that there is."""
    if name in LEFT_OUT:
        return None
    schema = without_null(schema)
    if "properties" in schema:
        whole = {name: sample(inner, name) for name, inner in schema["properties"].items()}
        return without_both(whole)
    if is_free(schema):
        return _ANYTHING
    if "enum" in schema or schema["type"] == "array":
        return schema["enum"][0] if "enum" in schema else [sample(schema["items"])]
    if schema.get("format") == "date-time":
        return EXAMPLES.get(name, "2999-12-31T12:00:00Z")
    return EXAMPLES.get(name, {"integer": 1, "boolean": True}.get(schema["type"], "x"))


def without_both(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with null in place of the second of two fields that exclude each other."""
    for pair in EITHER:
        if all(body.get(name) is not None for name in pair):
            body = body | {pair[1]: None}
    return body


def with_text(body: object, steps: Steps, text: str) -> str:
    """Return a body as JSON, with `text`, which may be none, at a place."""
    mark = "the place"
    return json.dumps(replaced(body, steps, mark)).replace(f'"{mark}"', text)


def replaced(body: Any, steps: Steps, value: object) -> Any:
    """Return a body with another value at a place."""
    if not steps:
        return value
    copy: Any = dict(body) if isinstance(body, dict) else list(body)
    copy[steps[0]] = replaced(copy[steps[0]], steps[1:], value)
    return copy


def is_free(schema: Schema) -> bool:
    return not schema or schema.get("additionalProperties") is True


def without_null(schema: Schema) -> Schema:
    """Return what a value has to be if it is not null."""
    for choice in schema.get("anyOf", ()):
        if choice["type"] != "null":
            found: Schema = choice
            return found
    return schema


def _resolved(part: Any, document: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_resolved(each, document) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        *_, name = part["$ref"].split("/")
        part = document["components"]["schemas"][name] | {
            key: value for key, value in part.items() if key != "$ref"
        }
    return {key: _resolved(value, document) for key, value in part.items()}


def _documented() -> Iterator[Documented]:
    document = create_app(settings_for(DatabaseUrls(_NOWHERE, _NOWHERE, _NOWHERE))).openapi()
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            yield Documented(method.upper(), path, _resolved(entry, document))


def _listed(example: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each field of the objects in the lists of what the document shows."""
    for value in example.values():
        for each in value if isinstance(value, list) else ():
            yield from each.items() if isinstance(each, dict) else ()


DOCUMENTED: Final = list(_documented())
WITH_BODY: Final = [operation for operation in DOCUMENTED if operation.media_types]

_SHOWN: Final = [
    example
    for schema in [
        *(each.answer for each in WITH_BODY if each.answer is not None),
        *(each.body for each in WITH_BODY),
    ]
    for example in schema.get("examples", ())
]
EXAMPLES: Final[dict[str, Any]] = {
    name: value for example in _SHOWN for name, value in _listed(example)
} | {name: value for example in _SHOWN for name, value in example.items()}
"""What the document shows of a field, sent or answered: a text that fits may be one of a few."""
