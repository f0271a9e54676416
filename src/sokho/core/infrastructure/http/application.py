"""FastAPI, with what this service needs of it around each request, and no more."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.http.middleware import RequestMiddleware
from sokho.core.infrastructure.http.openapi import complete
from sokho.core.infrastructure.http.routing import PreparedRoute


class Application(FastAPI):
    """A FastAPI application of prepared routes, with a document that tells the whole contract."""

    def add_routes(self, *routers: APIRouter) -> None:
        """Add routers whose paths are whole already: matching one is then a single step.

        They come before what FastAPI adds by itself, in the order given: the routes are tried
        one after the other. A path that one route spells out belongs to no other: `batch` is
        the id of no item, whatever the method (OpenAPI 3.1, 4.8.8.1).
        """
        routes = [route for router in routers for route in router.routes]
        prepared = [route for route in routes if isinstance(route, PreparedRoute)]
        spelt_out = frozenset(route.path for route in prepared if not route.param_convertors)
        for route in prepared:
            if route.param_convertors:
                route.spelt_out = spelt_out
        self.router.routes[:0] = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; FastAPI would ask the environment about telemetry each time."""
        if scope["type"] != "http" or self.middleware_stack is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application as the server calls it.

        `RequestMiddleware` does what FastAPI's own five layers are for: it answers errors,
        bodies are bounded where they are read, and files are not taken.
        """
        app: ASGIApp = self.router
        for middleware, args, options in reversed(self.user_middleware):
            app = middleware(app, *args, **options)
        return RequestMiddleware(app)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made at the first call."""
        if self.openapi_schema is None:
            complete(super().openapi())
        return super().openapi()
