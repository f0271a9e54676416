"""What the OpenAPI document says of each operation: where it takes values, and of which schema."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Schema = dict[str, Any]

_METHODS: Final = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_DEEPEST: Final = 16


@dataclass(frozen=True)
class Slot:
    """One place where an operation takes a value: a parameter, or a leaf of its body."""

    operation: str
    where: str
    name: str
    schema: Schema = field(compare=False)
    path: tuple[str | int, ...]
    """The way to it; in a body through properties and, at 0, arrays."""
    since: tuple[str | int, ...]
    """The innermost optional part of that way; () where every call has it."""

    def __str__(self) -> str:
        return f"{self.where} {'/'.join(map(str, self.path))}"

    def comes_with(self, chosen: "Collection[Slot]") -> bool:
        """Whether a call that sends `chosen` has to send this too."""
        if not self.since:
            return True
        return any(
            slot.where == self.where and slot.path[: len(self.since)] == self.since
            for slot in chosen
        )


@dataclass(frozen=True)
class Operation:
    """A method on a path, and everything that it takes from a client."""

    method: str
    path: str
    slots: tuple[Slot, ...]
    media_type: str | None
    is_the_operators: bool
    """Whether it takes the operator's key, and no business's."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_safe(self) -> bool:
        """Whether it only reads."""
        return self.method in {"GET", "HEAD"}


def operations_of(document: Schema) -> list[Operation]:
    """Return every operation of an OpenAPI 3.1 document."""
    return [
        _operation(f"{method.upper()} {path}", item.get("parameters", []), operation, document)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]


def body_of(values: Mapping[Slot, object]) -> Any:
    """Return the JSON body in which each slot of a body has its value."""
    whole: dict[Any, Any] = {}
    for slot, value in values.items():
        if slot.where == "body":
            _put(whole, ("body", *slot.path), value)
    return _lists_for_numbers(whole.get("body", {}))


def _operation(name: str, shared: list[Schema], operation: Schema, document: Schema) -> Operation:
    slots: list[Slot] = []
    for given in [*shared, *operation.get("parameters", [])]:
        parameter = _resolved(given, document)
        path = (parameter["name"],)
        slots += _leaves(
            Slot(
                operation=name,
                where=parameter["in"],
                name=parameter["name"],
                schema=parameter["schema"],
                path=path,
                since=() if parameter.get("required") else path,
            ),
            document,
        )
    if "304" in operation.get("responses", {}):
        # Conditional requests are of HTTP itself (RFC 9110, section 13), declared or not.
        path = ("If-None-Match",)
        condition = Slot(name, "header", path[0], {"type": "string"}, path, path)
        slots += [condition] if condition not in slots else []
    content = _resolved(operation.get("requestBody", {}), document).get("content", {})
    media_type = next(iter(content), None)
    if media_type is not None:
        root = Slot(name, "body", "body", content[media_type]["schema"], (), ())
        slots += _leaves(root, document)
    method, _, address = name.partition(" ")
    is_the_operators = any("OperatorKey" in each for each in operation.get("security", ()))
    return Operation(method, address, tuple(slots), media_type, is_the_operators)


def _leaves(slot: Slot, document: Schema) -> Iterator[Slot]:
    """Yield the slots below: objects and arrays are taken apart, what is left has one value."""
    if len(slot.path) > _DEEPEST:
        raise RecursionError(f"{slot.operation}: {slot} nests too deep to be generated")
    schema = _resolved(slot.schema, document)
    if schema.get("properties"):
        for name, inner in schema["properties"].items():
            path = (*slot.path, name)
            since = slot.since if name in schema.get("required", ()) else path
            yield from _leaves(Slot(slot.operation, slot.where, name, inner, path, since), document)
    elif schema.get("type") == "array" and slot.where == "body":
        path = (*slot.path, 0)
        yield from _leaves(
            Slot(slot.operation, slot.where, slot.name, schema["items"], path, slot.since), document
        )
    else:
        yield Slot(slot.operation, slot.where, slot.name, schema, slot.path, slot.since)


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow references, and the only alternative to null."""
    while True:
        if "$ref" in schema:
            found: Any = document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
            continue
        choices = [
            choice
            for kind in ("anyOf", "oneOf", "allOf")
            for choice in schema.get(kind, [])
            if choice.get("type") != "null"
        ]
        if len(choices) != 1:
            return schema
        schema = choices[0]


def _put(tree: dict[Any, Any], path: tuple[str | int, ...], value: object) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def _lists_for_numbers(tree: Any) -> Any:
    """Return the tree with a list where the steps are numbers."""
    if not isinstance(tree, dict):
        return tree
    inner = {step: _lists_for_numbers(value) for step, value in tree.items()}
    return list(inner.values()) if 0 in inner else inner
