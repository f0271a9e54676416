"""FastAPI, with what this service needs of it around each request, and no more."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, FastAPI
from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.http.cross_origin import CrossOriginMiddleware
from sokho.core.infrastructure.http.dispatching import Dispatcher
from sokho.core.infrastructure.http.middleware import ProblemMiddleware, RequestMiddleware
from sokho.core.infrastructure.http.openapi import complete
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class _Parts(State):
    """What the application has, found as any attribute is: Starlette's own calls a function."""

    def __setattr__(self, key: Any, value: Any) -> None:
        object.__setattr__(self, key, value)

    def __delattr__(self, key: Any) -> None:
        object.__delattr__(self, key)


class Application(FastAPI):
    """A FastAPI application of prepared routes, with a document that tells the whole contract.

    Pages of `origins` may call it from a browser; requests are counted in `metrics` and told
    to `tracer`, where there are such.
    """

    def __init__(
        self,
        *,
        origins: Collection[str] = (),
        metrics: Metrics | None = None,
        tracer: "Tracer | None" = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.state = _Parts()
        self._document: bytes | None = None
        self._origins = origins
        self._metrics = metrics
        self._tracer = tracer

    def add_routes(self, *routers: APIRouter) -> None:
        """Add routers whose paths are whole already, so that `Dispatcher` can look them up.

        Of those that take a path the first is chosen, in the order given. A path that one route
        spells out belongs to no other: `batch` is the id of no item, whatever the method
        (OpenAPI 3.1, 4.8.8.1).
        """
        routes = [route for router in routers for route in router.routes]
        prepared = [route for route in routes if isinstance(route, PreparedRoute)]
        spelt_out = frozenset(route.path for route in prepared if not route.param_convertors)
        for route in prepared:
            if route.param_convertors:
                route.spelt_out = spelt_out
        self.router.routes.extend(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; FastAPI would ask the environment about telemetry each time."""
        scope["app"] = self
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application as the server calls it.

        These layers do what FastAPI's own five are for; bodies are bounded where they are
        read, and files are not taken. What lies outside `ProblemMiddleware` sees every answer.
        """
        app: ASGIApp = Dispatcher(self.router.routes, self.router)
        for middleware, args, options in reversed(self.user_middleware):
            app = middleware(app, *args, **options)
        app = ProblemMiddleware(app)
        if self._origins:
            app = CrossOriginMiddleware(app, self._origins)
        if self._tracer is not None:
            from sokho.core.infrastructure.http.tracing import TracingMiddleware  # OpenTelemetry

            app = TracingMiddleware(app, self._tracer)
        return RequestMiddleware(app, self._metrics)

    def openapi_json(self) -> bytes:
        """Return the OpenAPI document as JSON, made at the first call: it is large."""
        if self._document is None:
            self._document = msgspec.json.encode(self.openapi())
        return self._document

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made at the first call."""
        if self.openapi_schema is None:
            complete(super().openapi())
        return super().openapi()

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and stop; what keeps it from starting is told by a sentence where there is one.

        Starlette tells the server by a traceback.
        """
        failure: Message | None = None

        async def hold_back(message: Message) -> None:
            nonlocal failure
            if message["type"] == "lifespan.startup.failed":
                failure = message
            else:
                await send(message)

        try:
            await self.router(scope, receive, hold_back)
        except BaseException as error:
            if failure is not None:
                told = {"message": error.text.en} if isinstance(error, OperatorError) else {}
                await send({**failure, **told})
            raise
