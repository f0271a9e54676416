"""What a request brings: its parameters and its body, found, validated, and told where at fault."""

from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from sokho.core.infrastructure.http.body import NO_BODY, parsed, read_body
from sokho.core.infrastructure.http.headers import lines_of
from sokho.core.infrastructure.http.validation import REPEATED_PARAMETER

Errors = list[dict[str, Any]]

_MAX_PARAMETERS: Final = 50


def query_pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a query; raises `ValueError` for too many of them.

    And for percent-encoded bytes that are no UTF-8.
    """
    if text.count("&") >= _MAX_PARAMETERS:
        raise ValueError("too many parameters")
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    # Nothing is to be decoded: `parse_qsl` takes more than twice as long to find that out.
    parts = (part.partition("=") for part in text.split("&") if part)
    return [(name, value) for name, _, value in parts]


class Parameter:
    """One parameter, or a model of several: validates its raw value."""

    def __init__(self, field: Any, place: str, slot: int) -> None:
        # FastAPI's own, without the two functions around it.
        self._validate = field._type_adapter.validator.validate_python  # noqa: SLF001
        self.slot = slot
        """Where the argument is put."""
        self.argument: str = field.name
        model = field.field_info.annotation
        self._is_model = isinstance(model, type) and issubclass(model, BaseModel)
        whole = self._is_model or place == "body"
        self._location = (place,) if whole else (place, field.alias)

    def validated(self, value: object, errors: Errors) -> Any:
        """Return the argument that a raw value becomes."""
        try:
            return self._validate(value, from_attributes=True)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                errors.append({**found, "loc": (*self._location, *found["loc"])})
            return None


class Reader(Parameter):
    """A parameter that is found by its name."""

    def __init__(self, field: Any, place: str, slot: int) -> None:
        super().__init__(field, place, slot)
        model = field.field_info.annotation
        if self._is_model:
            self.names = [info.alias or name for name, info in model.model_fields.items()]
        else:
            self.names = [field.alias]
        self._find = _FIND[place]
        self._is_required = field.field_info.is_required()
        self._default = None if self._is_required else field.get_default()
        self._is_path_text = place == "path" and model is str

    def read(self, inputs: "Inputs") -> Any:
        """Return the argument: the raw value, validated, else the default."""
        if self._is_model:
            find = self._find
            given = {
                name: value for name in self.names if (value := find(inputs, name)) is not None
            }
            return self.validated(given, inputs.errors)
        value = self._find(inputs, self.names[0])
        if value is None:
            if self._is_required:
                inputs.errors.append({"type": "missing", "loc": self._location})
            return self._default
        if self._is_path_text and "\0" in value:
            inputs.errors.append({"type": "invalid_character", "loc": self._location})
            return None
        return self.validated(value, inputs.errors)


def _in_path(inputs: "Inputs", name: str) -> str | None:
    found: str | None = inputs.request.scope["path_params"].get(name)
    return found


def _in_query(inputs: "Inputs", name: str) -> str | None:
    return inputs.query.get(name)


def _in_headers(inputs: "Inputs", name: str) -> str | None:
    """Several lines of one name are one list (RFC 9110, 5.3)."""
    lines = lines_of(inputs.request.scope, name)
    return b", ".join(lines).decode("latin-1") if lines else None


_FIND: Final[Mapping[str, Callable[["Inputs", str], str | None]]] = {
    "path": _in_path,
    "query": _in_query,
    "header": _in_headers,
}


class Inputs:
    """What one request brought, and what is wrong with it so far."""

    __slots__ = ("_query_errors", "body", "complete_at", "errors", "query", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.body: bytes | None = None
        self.complete_at = perf_counter()
        """When all of it was there, as far as it was asked for."""

        self.errors: Errors = []
        self._query_errors: Errors = []
        raw = request.scope["query_string"]
        self.query: dict[str, str] = self._parse(raw) if raw else {}

    async def content(self, media_types: Collection[str]) -> Any:
        """Return the parsed body, which is read once, though the request be tried again."""
        return parsed(await self.raw(media_types), or_none=NO_BODY in media_types)

    async def raw(self, media_types: Collection[str] = ()) -> bytes:
        """Return the body as it came."""
        if self.body is None:
            self.body = await read_body(self.request.scope, self.request.receive, media_types)
            self.complete_at = perf_counter()
        return self.body

    def refuse_errors(self) -> None:
        """Raise `RequestValidationError` where anything does not fit."""
        if self.errors:
            raise RequestValidationError(self.errors)

    def find_unknown(self, known: frozenset[str]) -> None:
        """Add what is wrong with the query as a whole, and each parameter that nothing reads."""
        if not self.request.scope["query_string"]:
            return
        self.errors += self._query_errors
        for name in self.query.keys() - known:
            self.errors.append({"type": "extra_forbidden", "loc": ("query", name)})

    def _parse(self, raw: bytes) -> dict[str, str]:
        try:
            pairs = query_pairs(raw.decode("utf-8"))
        except ValueError:
            self._query_errors.append({"type": "invalid", "loc": ("query",)})
            return {}
        query = dict(pairs)
        if any("\0" in name or "\0" in value for name, value in pairs):
            self._query_errors.append({"type": "invalid_character", "loc": ("query",)})
        if len(query) < len(pairs):
            self._query_errors.append({"type": REPEATED_PARAMETER, "loc": ("query",)})
        return query
