"""A route that prepares at start what FastAPI works out anew for every request.

FastAPI still declares, documents and checks the route: signatures, dependencies, scopes and
response models are its own, and so is the OpenAPI document. What differs is the call:
dependencies stand in one straight line, each parameter has its reader, and neither exit
stacks nor caches are built per request (docs/decisions/0008-prepared-routes.md).

The order of a request: dependencies, so that nobody unauthenticated learns what a body has
to look like; parameters and body; the path function; the dependencies' endings (the commit);
the response.
"""

import asyncio
import inspect
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from pydantic import BaseModel
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from sokho.core.infrastructure.database import CollisionError
from sokho.core.infrastructure.http.body import JSON, NO_BODY, parsed, read_body
from sokho.core.infrastructure.http.idempotency import Idempotency, idempotency_key
from sokho.core.infrastructure.http.validation import REPEATED_PARAMETER

Errors = list[dict[str, Any]]

_MAX_PARAMETERS: Final = 50

_PAUSES: Final = (0.02, 0.1)
"""Seconds, at most, before a request that collided with another is tried again."""

_PATIENCE_SECONDS: Final = 1.8
"""How old a request may be then: who has waited for a lock until `lock_timeout` waits no more."""


class PreparedRoute(APIRoute):
    """An `APIRoute` whose call is prepared when it is declared.

    It takes async dependencies (with ``yield`` only as ``scope="function"``, ending before
    the response), path, query and header parameters, one JSON body, and returns a
    `Response`. Raises `TypeError`, when the route is declared, for anything else.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        summary, _, description = inspect.cleandoc(endpoint.__doc__ or "").partition("\n\n")
        options["summary"] = options.get("summary") or summary.replace("\n", " ").rstrip(".")
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        status = options.get("status_code") or 200
        options["response_description"] = HTTPStatus(status).phrase
        super().__init__(path, endpoint, **options)
        self.description = description or summary
        returned = inspect.signature(endpoint).return_annotation
        if not (isinstance(returned, type) and issubclass(returned, Response)):
            raise TypeError(f"{endpoint.__name__} must be annotated to return a Response")
        self._plan = _Plan(self.dependant, takes_key="POST" in (self.methods or ()))
        self.answered_methods = frozenset(self.methods or ())
        """The methods that it takes: with GET also HEAD (RFC 9110, section 9.1)."""
        if "GET" in self.answered_methods:
            self.answered_methods |= {"HEAD"}
        self.spelt_out: frozenset[str] = frozenset()
        """The paths without parameters of other routes: no value of this one's parameters."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare path and method; a path's parameters stay texts until they are validated."""
        if scope["type"] != "http":
            return Match.NONE, {}
        parameters = self.parameters_of(get_route_path(scope))
        if parameters is None:
            return Match.NONE, {}
        match = Match.FULL if scope["method"] in self.answered_methods else Match.PARTIAL
        return match, {"path_params": parameters, "route": self}

    def parameters_of(self, path: str) -> dict[str, str] | None:
        """Return the parameters in a path, or None where it is not this route's."""
        found = self.path_regex.fullmatch(path)
        return None if found is None or path in self.spelt_out else found.groupdict()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is this route's."""
        if scope["method"] not in self.answered_methods:
            raise HTTPException(405, headers={"Allow": allowed_methods(scope)})
        response = await self._plan.run(scope, receive)
        if scope["method"] == "HEAD":
            response.body = b""  # its headers, the length among them, are those of GET
        await response(scope, receive, send)


def allowed_methods(scope: Scope) -> str:
    """Return the methods that any route of the requested path takes (RFC 9110, 10.2.1)."""
    methods: set[str] = set()
    for route in scope["app"].router.routes:
        if route.matches(scope)[0] is not Match.NONE:
            answered = getattr(route, "answered_methods", None)
            methods |= answered or getattr(route, "methods", None) or set()
    return ", ".join(sorted(methods))


class _Plan:
    """A path function and its dependencies, in the order in which they are called."""

    def __init__(self, endpoint: Dependant, *, takes_key: bool) -> None:
        self._takes_key = takes_key
        self._steps: list[_Step] = []
        self._slots: dict[object, int] = {}
        self._endpoint = self._prepared(endpoint)
        everything = [*self._steps, self._endpoint]
        self._media_types = _media_types(endpoint)
        self._known_parameters = frozenset(name for step in everything for name in step.query_names)

    async def run(self, scope: Scope, receive: Receive) -> Response:
        """Answer one request; raises what a dependency or the path function raises.

        What collided with another transaction, and so left nothing behind, is tried again.
        """
        inputs = _Inputs(Request(scope, receive))
        for pause in _PAUSES:
            try:
                return await self._attempt(inputs, scope)
            except CollisionError:
                if perf_counter() - inputs.complete_at > _PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
        return await self._attempt(inputs, scope)

    async def _attempt(self, inputs: "_Inputs", scope: Scope) -> Response:
        values: list[Any] = []
        endings: list[AsyncGenerator[Any, None]] = []
        try:
            for step in self._steps:
                arguments = step.arguments(inputs, values)
                if inputs.errors:
                    inputs.refuse()
                if step.ends:
                    generator = step.call(**arguments)
                    values.append(await anext(generator))
                    endings.append(generator)
                else:
                    values.append(await step.call(**arguments))
            arguments = self._endpoint.arguments(inputs, values)
            if scope["query_string"]:
                inputs.find_unknown(self._known_parameters)
            if self._endpoint.body is not None:
                content = await inputs.content(self._media_types)
                self._endpoint.body.validate(content, inputs.errors, arguments)
            if inputs.errors:
                inputs.refuse()
            response = await self._answer(inputs, arguments)
            while endings:
                await _finish(endings.pop())
        except BaseException as error:
            for generator in reversed(endings):
                await _throw_into(generator, error)
            raise
        return response

    async def _answer(self, inputs: "_Inputs", arguments: dict[str, Any]) -> Response:
        """Call the path function, or tell again what it answered to the same Idempotency-Key."""
        answer: Callable[[], Awaitable[Response]] = partial(self._endpoint.call, **arguments)
        key = idempotency_key(inputs.request) if self._takes_key else None
        if key is None:
            return await answer()
        idempotency: Idempotency = inputs.request.app.state.idempotency
        return await idempotency.once(inputs.request, key, await inputs.raw(), answer)

    def _prepared(self, dependant: Dependant) -> "_Step":
        """Return the step for `dependant`, its own dependencies having been lined up first."""
        slots = []
        for dependency in dependant.dependencies:
            slot = self._slot_of(dependency)
            if dependency.name is not None:
                slots.append((dependency.name, slot))
        return _Step(dependant, tuple(slots))

    def _slot_of(self, dependency: Dependant) -> int:
        key: object = dependency.call
        if dependency.security_scopes_param_name is not None:
            key = (key, tuple(_scopes(dependency)))
        if key not in self._slots:
            step = self._prepared(dependency)
            if step.body is not None:
                raise TypeError("a body is read by the path function alone")
            self._slots[key] = len(self._steps)
            self._steps.append(step)
        return self._slots[key]


class _Step:
    """One callable and how its arguments are found."""

    def __init__(self, dependant: Dependant, slots: tuple[tuple[str, int], ...]) -> None:
        assert dependant.call is not None
        self.call = dependant.call
        self.ends = inspect.isasyncgenfunction(self.call)
        _refuse_what_is_not_prepared(dependant, ends=self.ends)
        self._slots = slots
        self._request_name = dependant.request_param_name
        self._constants: dict[str, object] = {}
        if dependant.security_scopes_param_name is not None:
            scopes = SecurityScopes(_scopes(dependant))
            self._constants[dependant.security_scopes_param_name] = scopes
        self._path = [_Reader(field, "path") for field in dependant.path_params]
        self._query = [_Reader(field, "query") for field in dependant.query_params]
        self._headers = [_Reader(field, "header") for field in dependant.header_params]
        self.body = next((_Reader(field, "body") for field in dependant.body_params), None)
        self.query_names = {name for reader in self._query for name in reader.names}

    def arguments(self, inputs: "_Inputs", values: list[Any]) -> dict[str, Any]:
        """Return the keyword arguments; what does not fit is added to the inputs' errors."""
        arguments = {name: values[slot] for name, slot in self._slots}
        arguments.update(self._constants)
        if self._request_name is not None:
            arguments[self._request_name] = inputs.request
        for reader in self._path:
            reader.read(inputs.request.scope["path_params"], inputs.errors, arguments)
        for reader in self._query:
            reader.read(inputs.query, inputs.errors, arguments)
        for reader in self._headers:
            reader.read(_HeaderLines(inputs.request.headers), inputs.errors, arguments)
        return arguments


class _Reader:
    """One parameter, or a model of several: finds its raw value and validates it."""

    def __init__(self, field: Any, place: str) -> None:
        self._field = field
        self._name: str = field.name
        model = field.field_info.annotation
        self._is_model = isinstance(model, type) and issubclass(model, BaseModel)
        if self._is_model:
            self.names = [info.alias or name for name, info in model.model_fields.items()]
        else:
            self.names = [field.alias]
        self._is_path_text = place == "path" and model is str
        whole = self._is_model or place == "body"
        self._location = (place,) if whole else (place, field.alias)

    def read(self, raw: Mapping[str, Any], errors: Errors, into: dict[str, Any]) -> None:
        """Find the raw value by name, else the default, and validate it."""
        if self._is_model:
            found = {name: raw[name] for name in self.names if name in raw}
            self.validate(found, errors, into)
            return
        value = raw.get(self.names[0])
        if value is not None and self._is_path_text and "\0" in value:
            errors.append({"type": "invalid_character", "loc": self._location})
        elif value is not None:
            self.validate(value, errors, into)
        elif self._field.field_info.is_required():
            errors.append({"type": "missing", "loc": self._location})
        else:
            into[self._name] = self._field.get_default()

    def validate(self, value: object, errors: Errors, into: dict[str, Any]) -> None:
        """Validate a raw value into the argument it becomes."""
        into[self._name], found = self._field.validate(value, {}, loc=self._location)
        errors.extend(found)


class _HeaderLines(Mapping[str, str]):
    """The headers of a request: several lines of one name are one list (RFC 9110, 5.3)."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        lines = self._headers.getlist(name)
        if not lines:
            raise KeyError(name)
        return ", ".join(lines)

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers.keys())

    def __len__(self) -> int:
        return len(self._headers)


class _Inputs:
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

    def refuse(self) -> None:
        """Raise `RequestValidationError` with what does not fit."""
        raise RequestValidationError(self.errors)

    def find_unknown(self, known: frozenset[str]) -> None:
        """Add what is wrong with the query as a whole, and each parameter that nothing reads."""
        self.errors += self._query_errors
        for name in self.query.keys() - known:
            self.errors.append({"type": "extra_forbidden", "loc": ("query", name)})

    def _parse(self, raw: bytes) -> dict[str, str]:
        try:
            pairs = parse_qsl(
                raw.decode("utf-8"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            self._query_errors.append({"type": "invalid", "loc": ("query",)})
            return {}
        query = dict(pairs)
        if any("\0" in name or "\0" in value for name, value in pairs):
            self._query_errors.append({"type": "invalid_character", "loc": ("query",)})
        if len(query) < len(pairs):
            self._query_errors.append({"type": REPEATED_PARAMETER, "loc": ("query",)})
        return query


async def _finish(generator: AsyncGenerator[Any, None]) -> None:
    """Run a dependency to its end."""
    try:
        await anext(generator)
    except StopAsyncIteration:
        return
    raise RuntimeError("a dependency yields once")


async def _throw_into(generator: AsyncGenerator[Any, None], error: BaseException) -> None:
    """Let a dependency clean up after `error`, which goes on whatever it does."""
    try:
        await generator.athrow(error)
    except StopAsyncIteration:
        return
    except BaseException as raised:
        if raised is not error:
            raise


def _scopes(dependant: Dependant) -> list[str]:
    scopes = [*(dependant.parent_oauth_scopes or ()), *(dependant.own_oauth_scopes or ())]
    return list(dict.fromkeys(scopes))


def _media_types(dependant: Dependant) -> set[str]:
    """Return what the path function's body may be sent as; if it has a default, also as none."""
    infos = [body.field_info for body in dependant.body_params]
    optional = {NO_BODY for info in infos if not info.is_required()}
    return {JSON} | {str(getattr(info, "media_type", JSON)) for info in infos} | optional


def _refuse_what_is_not_prepared(dependant: Dependant, *, ends: bool) -> None:
    call = cast("Callable[..., Awaitable[Any]]", dependant.call)
    name = getattr(call, "__name__", type(call).__name__)
    is_async = any(map(inspect.iscoroutinefunction, (call, type(call).__call__)))
    if not (is_async or ends):
        raise TypeError(f"{name} must be async: a plain function would need a thread")
    if ends and dependant.scope != "function":
        raise TypeError(f'{name} yields, so it needs Depends(..., scope="function")')
    for unsupported in (
        dependant.cookie_params,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.body_params[1:],
    ):
        if unsupported:
            raise TypeError(f"{name} asks for what a prepared route does not provide")
