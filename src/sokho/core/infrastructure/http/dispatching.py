"""Finding the route of a request: among the few whose paths begin as its own does."""

from collections.abc import Sequence

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.http.routing import PreparedRoute


class Dispatcher:
    """Hands a request to the first route that takes its path and its method.

    A path that a route spells out is looked up; any other by its first two segments, so that what
    a request costs does not grow with the number of resources. Whatever finds no route so is the
    router's, as it knows how to refuse.
    """

    def __init__(self, routes: Sequence[BaseRoute], router: ASGIApp) -> None:
        self._router = router
        self._spelt_out: dict[str, list[PreparedRoute]] = {}
        self._routes: dict[str, list[PreparedRoute]] = {}
        for route in routes:
            if isinstance(route, PreparedRoute):
                if not route.param_convertors:
                    self._spelt_out.setdefault(route.path, []).append(route)
                elif "{" not in _beginning(route.path):
                    self._routes.setdefault(_beginning(route.path), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        path: str = scope["path"]
        if not scope.get("root_path"):
            found = self._spelt_out.get(path) or self._routes.get(_beginning(path), [])
            for route in found:
                parameters = route.parameters_of(path)
                if parameters is not None and scope["method"] in route.answered_methods:
                    scope["path_params"] = parameters
                    scope["route"] = route
                    await route.handle(scope, receive, send)
                    return
        await self._router(scope, receive, send)


def _beginning(path: str) -> str:
    return "/".join(path.split("/", 3)[:3])
