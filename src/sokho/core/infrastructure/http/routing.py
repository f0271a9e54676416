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
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from http import HTTPStatus
from operator import itemgetter
from time import perf_counter
from typing import Any, Final, cast

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from sokho.core.infrastructure.database import CollisionError
from sokho.core.infrastructure.http.body import JSON, NO_BODY
from sokho.core.infrastructure.http.idempotency import Idempotency, idempotency_key
from sokho.core.infrastructure.http.inputs import Inputs, Parameter, Reader

_PAUSES: Final = (0.02, 0.1)
"""Seconds, at most, before a request that collided with another is tried again."""

_PATIENCE_SECONDS: Final = 1.8
"""How old a request may be then: who has waited for a lock until `lock_timeout` waits no more."""


_REQUEST: Final = 0
"""The slot of the request."""


class PreparedRoute(APIRoute):
    """An `APIRoute` whose call is prepared when it is declared.

    It takes async dependencies, path, query and header parameters, one JSON body, and returns
    a `Response`. What a dependency declared with ``scope="function"`` yields, or returns for
    ``async with``, is entered at once and left before the response. Raises `TypeError`,
    when the route is declared, for anything else.
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
        if not self.param_convertors:
            return {} if path == self.path else None
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
    """A path function and its dependencies, in the order in which they are called.

    What a call needs stands in a row of slots: the request in the first, then what is known
    when the route is declared, what each parameter's reader has read, and what each dependency
    has returned. So whatever takes it finds it by its number.
    """

    def __init__(self, endpoint: Dependant, *, takes_key: bool) -> None:
        self._takes_key = takes_key
        self._row: list[Any] = [None]
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
        inputs = Inputs(Request(scope, receive))
        for pause in _PAUSES:
            try:
                return await self._attempt(inputs)
            except CollisionError:
                if perf_counter() - inputs.complete_at > _PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
        return await self._attempt(inputs)

    async def _attempt(self, inputs: Inputs) -> Response:
        values = self._row.copy()
        values[_REQUEST] = inputs.request
        entered: list[AbstractAsyncContextManager[Any]] = []
        try:
            for step in self._steps:
                if step.readers:
                    step.read(inputs, values)
                    inputs.refuse_errors()
                called = step.call(*step.arguments(values))
                value = called if step.yields else await called
                if step.ends:
                    manager, value = value, await value.__aenter__()
                    entered.append(manager)
                values[step.slot] = value
            endpoint = self._endpoint
            endpoint.read(inputs, values)
            inputs.find_unknown(self._known_parameters)
            if endpoint.body is not None:
                content = await inputs.content(self._media_types)
                values[endpoint.body.slot] = endpoint.body.validated(content, inputs.errors)
            inputs.refuse_errors()
            arguments = endpoint.arguments(values)
            if self._takes_key:
                response = await self._once(inputs, partial(endpoint.call, *arguments))
            else:
                response = await endpoint.call(*arguments)
            while entered:
                await entered.pop().__aexit__(None, None, None)
        except BaseException as error:
            for manager in reversed(entered):
                await _leave(manager, error)
            raise
        return response

    async def _once(self, inputs: Inputs, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Call the path function, or tell again what it answered to the same Idempotency-Key."""
        key = idempotency_key(inputs.request)
        if key is None:
            return await answer()
        idempotency: Idempotency = inputs.request.app.state.idempotency
        return await idempotency.once(inputs.request, key, await inputs.raw(), answer)

    def _prepared(self, dependant: Dependant) -> "_Step":
        """Return the step for `dependant`, its own dependencies having been lined up first."""
        found = {
            dependency.name: slot
            for dependency, slot in [(each, self._slot_of(each)) for each in dependant.dependencies]
        }
        found[dependant.request_param_name] = _REQUEST
        if dependant.security_scopes_param_name is not None:
            scopes = SecurityScopes(_scopes(dependant))
            found[dependant.security_scopes_param_name] = self._new_slot(scopes)
        return _Step(dependant, found, self._new_slot)

    def _slot_of(self, dependency: Dependant) -> int:
        key: object = dependency.call
        if dependency.security_scopes_param_name is not None:
            key = (key, tuple(_scopes(dependency)))
        if key not in self._slots:
            step = self._prepared(dependency)
            if step.body is not None:
                raise TypeError("a body is read by the path function alone")
            self._slots[key] = step.slot
            self._steps.append(step)
        return self._slots[key]

    def _new_slot(self, known: object = None) -> int:
        """Return the number of one more slot, and what stands in it for every request."""
        self._row.append(known)
        return len(self._row) - 1


class _Step:
    """One callable, and in which slots its arguments are found."""

    __slots__ = ("arguments", "body", "call", "ends", "query_names", "readers", "slot", "yields")

    def __init__(
        self, dependant: Dependant, found: dict[str | None, int], new_slot: Callable[[], int]
    ) -> None:
        assert dependant.call is not None
        self.call: Callable[..., Any] = dependant.call
        self.yields = inspect.isasyncgenfunction(self.call)
        self.ends = dependant.scope == "function"
        """Whether what it returns is entered, and left before the response."""
        _refuse_what_is_not_prepared(dependant, yields=self.yields)
        if self.yields:
            self.call = asynccontextmanager(self.call)
        self.slot = new_slot()
        """Where its result is put."""
        query = [Reader(field, "query", new_slot()) for field in dependant.query_params]
        self.readers = (
            *(Reader(field, "path", new_slot()) for field in dependant.path_params),
            *query,
            *(Reader(field, "header", new_slot()) for field in dependant.header_params),
        )
        bodies = [Parameter(field, "body", new_slot()) for field in dependant.body_params]
        self.body = bodies[0] if bodies else None
        self.query_names = {name for reader in query for name in reader.names}
        slots = found | {reader.argument: reader.slot for reader in (*self.readers, *bodies)}
        signature = inspect.signature(self.call)
        in_order = [slots[name] for name in signature.parameters]
        signature.bind(*in_order)  # arguments go by their place: none may insist on its name
        self.arguments = _picker(in_order)

    def read(self, inputs: Inputs, values: list[Any]) -> None:
        """Read the parameters; what does not fit is added to the inputs' errors."""
        for reader in self.readers:
            values[reader.slot] = reader.read(inputs)


def _picker(slots: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Return what takes the values of `slots` out of a row, as arguments."""
    if len(slots) > 1:
        return itemgetter(*slots)
    first = slice(slots[0], slots[0] + 1) if slots else slice(0)
    return lambda values: tuple(values[first])


async def _leave(manager: AbstractAsyncContextManager[Any], error: BaseException) -> None:
    """Let a dependency clean up after `error`, which goes on whatever it does."""
    try:
        await manager.__aexit__(type(error), error, error.__traceback__)
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


def _refuse_what_is_not_prepared(dependant: Dependant, *, yields: bool) -> None:
    call = cast("Callable[..., Awaitable[Any]]", dependant.call)
    name = getattr(call, "__name__", type(call).__name__)
    is_async = any(map(inspect.iscoroutinefunction, (call, type(call).__call__)))
    if not (is_async or yields):
        raise TypeError(f"{name} must be async: a plain function would need a thread")
    if yields and dependant.scope != "function":
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
