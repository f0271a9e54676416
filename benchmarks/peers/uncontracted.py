"""Sokho without what surrounds its routes: no metrics, limits, admission, headers or traces.

``python -m benchmarks.peers.uncontracted serve`` is ``sokho serve`` with the same routes and the
same database; around the routes stands one layer, which gives ids and answers errors, as it did
before there was a contract to hold. Limits on keys are switched off by their settings.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import sokho.cli
from sokho.core.domain.ids import new_id_text
from sokho.core.infrastructure.http import application, server
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.dispatching import Dispatcher
from sokho.core.infrastructure.http.problems import answer_to


class OneLayer:
    """Gives each request an id, and answers what was raised."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = RequestContext(new_id_text(), ())
        context.attach(scope)
        id_header = (b"x-request-id", context.request_id.encode())
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], id_header]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                raise
            await answer_to(scope, error)(scope, receive, send_with_id)


def _stack(app: application.Application) -> ASGIApp:
    return OneLayer(Dispatcher(app.router.routes, app.router))


if __name__ == "__main__":
    application.Application.build_middleware_stack = _stack  # type: ignore[assignment,method-assign]
    setattr(server, "ProblemProtocol", HttpToolsProtocol)  # noqa: B010 - not exported from there
    sokho.cli.main()
