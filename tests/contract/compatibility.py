"""Which changes of an OpenAPI document break clients: additive ones alone are allowed in `/v1`.

A request that was right must stay right, so what it may be is only widened; an answer must stay
within what clients know, but for new fields and new values, which they have to ignore. Unknown
fields and parameters of requests are refused, so taking one away breaks.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_CONSTRAINTS: Final = ("pattern", "format", "const")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return what of `new` breaks a client of `old`: each change by its place."""
    comparison = _Comparison(old, new)
    return sorted(set(comparison.operations()))


class _Comparison:
    """Two documents, whose references are followed each in its own."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new

    def operations(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, old in methods.items():
                place = f"{method.upper()} {path}"
                new = self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{place}: removed"
                    continue
                if old["operationId"] != new["operationId"]:
                    yield f"{place}: renamed"
                yield from _security(old, new, place)
                yield from self._parameters(old, new, place)
                yield from self._body(old.get("requestBody"), new.get("requestBody"), place)
                yield from self._responses(old["responses"], new["responses"], place)

    def _parameters(self, old: Json, new: Json, place: str) -> Iterator[str]:
        before, after = _by_name(old), _by_name(new)
        for key in before.keys() - after.keys():
            yield f"{place} {key}: removed"
        for key, parameter in after.items():
            if key not in before:
                if parameter.get("required"):
                    yield f"{place} {key}: new and required"
                continue
            if parameter.get("required") and not before[key].get("required"):
                yield f"{place} {key}: now required"
            yield from self._request(before[key]["schema"], parameter["schema"], f"{place} {key}")

    def _body(self, old: Json | None, new: Json | None, place: str) -> Iterator[str]:
        if new is None:
            if old is not None:
                yield f"{place} body: removed"
            return
        if new.get("required") and not (old or {}).get("required"):
            yield f"{place} body: now required"
        for media_type, described in (old or {"content": {}})["content"].items():
            if media_type not in new["content"]:
                yield f"{place} body {media_type}: removed"
                continue
            schema = new["content"][media_type]["schema"]
            yield from self._request(described["schema"], schema, f"{place} body")

    def _responses(self, old: Json, new: Json, place: str) -> Iterator[str]:
        for status, before in old.items():
            if status >= "4":
                continue  # of refusals clients know the family, and all have one shape
            after = new.get(status)
            if after is None:
                yield f"{place} {status}: removed"
                continue
            for header in before.get("headers", {}).keys() - after.get("headers", {}).keys():
                yield f"{place} {status} {header}: removed"
            for media_type, described in before.get("content", {}).items():
                if media_type not in after.get("content", {}):
                    yield f"{place} {status} {media_type}: removed"
                    continue
                schema = after["content"][media_type]["schema"]
                yield from self._answer(described["schema"], schema, f"{place} {status}")

    def _request(self, old: Json, new: Json, place: str) -> Iterator[str]:
        """Yield what `old` takes and `new` refuses."""
        for before in _variants(self._old, old):
            faults = [
                list(self._narrowed(before, after, place)) for after in _variants(self._new, new)
            ]
            if all(faults):
                yield from min(faults, key=len)

    def _narrowed(self, old: Json, new: Json, place: str) -> Iterator[str]:
        types = (old.get("type"), new.get("type"))
        if types[0] != types[1] and types[1] is not None and types != ("integer", "number"):
            yield f"{place}: {types[0]} became {types[1]}"
            return
        if "enum" in new and not set(old.get("enum", [None])) <= set(new["enum"]):
            yield f"{place}: fewer values"
        yield from _tighter(old, new, place)
        yield from self._fields_narrowed(old, new, place)
        if "items" in old and "items" in new:
            yield from self._request(old["items"], new["items"], f"{place}[]")

    def _fields_narrowed(self, old: Json, new: Json, place: str) -> Iterator[str]:
        for name in {*new.get("required", ())} - {*old.get("required", ())}:
            yield f"{place}.{name}: now required"
        is_closed = new.get("additionalProperties") is False
        for name, before in old.get("properties", {}).items():
            if name in new.get("properties", {}):
                yield from self._request(before, new["properties"][name], f"{place}.{name}")
            elif is_closed:
                yield f"{place}.{name}: removed"
        if is_closed and old.get("additionalProperties") is not False:
            yield f"{place}: other fields are refused now"

    def _answer(self, old: Json, new: Json, place: str) -> Iterator[str]:
        """Yield what `new` may answer and a client of `old` does not know."""
        for after in _variants(self._new, new):
            faults = [
                list(self._unknown(before, after, place)) for before in _variants(self._old, old)
            ]
            if all(faults):
                yield from min(faults, key=len)

    def _unknown(self, old: Json, new: Json, place: str) -> Iterator[str]:
        types = (old.get("type"), new.get("type"))
        if types[0] != types[1] and types[0] is not None and types != ("number", "integer"):
            yield f"{place}: {types[0]} became {types[1]}"
            return
        if "format" in old and old["format"] != new.get("format"):
            yield f"{place}: another format"
        shown = new.get("properties", {})
        for name, before in old.get("properties", {}).items():
            if name not in shown:
                yield f"{place}.{name}: removed"
                continue
            if name in old.get("required", ()) and name not in new.get("required", ()):
                yield f"{place}.{name}: not always there"
            yield from self._answer(before, shown[name], f"{place}.{name}")
        if "items" in old and "items" in new:
            yield from self._answer(old["items"], new["items"], f"{place}[]")


def _tighter(old: Json, new: Json, place: str) -> Iterator[str]:
    for keyword in _CONSTRAINTS:
        if keyword in new and new[keyword] != old.get(keyword):
            yield f"{place}: another {keyword}"
    for keyword in _UPPER:
        if new.get(keyword, float("inf")) < old.get(keyword, float("inf")):
            yield f"{place}: less {keyword}"
    for keyword in _LOWER:
        if new.get(keyword, float("-inf")) > old.get(keyword, float("-inf")):
            yield f"{place}: more {keyword}"


def _security(old: Json, new: Json, place: str) -> Iterator[str]:
    before = [{name: set(scopes) for name, scopes in each.items()} for each in old["security"]]
    for requirement in before:
        if not any(
            after.keys() <= requirement.keys()
            and all(set(scopes) <= requirement[name] for name, scopes in after.items())
            for after in new["security"]
        ):
            yield f"{place}: other rights are needed"


def _by_name(operation: Json) -> dict[str, Json]:
    return {f"{each['in']} {each['name']}": each for each in operation.get("parameters", ())}


def _variants(document: Json, schema: Json) -> list[Json]:
    """Return what a schema may be, references followed and alternatives apart."""
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return [
        variant
        for alternative in schema.get("anyOf", schema.get("oneOf", [schema]))
        for variant in ([schema] if alternative is schema else _variants(document, alternative))
    ]
