"""Around every request: its id, the last line of defence, and its line in the log."""

import logging
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sokho.core.domain.ids import new_id_text
from sokho.core.infrastructure.http.context import CLIENT_LEFT, CUT_OFF, RequestContext, route_of
from sokho.core.infrastructure.http.problems import answer_to, is_foreseen
from sokho.core.infrastructure.http.security_headers import security_headers
from sokho.core.infrastructure.logging import logger
from sokho.core.infrastructure.metrics import Metrics


class RequestMiddleware:
    """The outermost layer: gives each request an id, and each answer the headers of all answers.

    It counts and logs the request when it is over, however it ended. Pure ASGI: Starlette's
    `BaseHTTPMiddleware` would halve the throughput.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics | None = None) -> None:
        self.app = app
        self._metrics = metrics
        # Asked once, as it takes a while: the level stays what it is when the service starts.
        self._logs = logger.is_enabled_for(logging.INFO)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        began = perf_counter()
        context = RequestContext(new_id_text(), security_headers(scope.get("scheme", "http")))
        context.attach(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] != "http.response.start":
                await send(message)
                return
            message["headers"] = [
                *message["headers"],
                *context.headers,
                (b"x-request-id", context.request_id.encode()),
                *context.security_headers,
            ]
            await send(message)  # waits for a client that has not read the answer before
            context.status = CLIENT_LEFT if CUT_OFF in scope else message["status"]

        if self._metrics is not None:
            self._metrics.in_progress += 1
        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            seconds = perf_counter() - began
            if self._metrics is not None:
                self._metrics.in_progress -= 1
                self._metrics.count(
                    scope["method"],
                    route_of(scope),
                    context.status,
                    seconds=seconds,
                    round_trips=context.round_trips,
                )
            if self._logs:
                _log(scope, context, seconds)


class ProblemMiddleware:
    """Answers whatever was raised with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            RequestContext.of(scope).status = CLIENT_LEFT
        except Exception as error:
            context = RequestContext.of(scope)
            if not is_foreseen(error):
                logger.exception("request failed", request_id=context.request_id)
            answer = answer_to(scope, error)
            if context.status:  # another answer has begun: the connection must break
                context.status = answer.status_code
                raise
            await answer(scope, receive, send)


def _log(scope: Scope, context: RequestContext, seconds: float) -> None:
    """Write one line. The route's template stands in it, not the path: that is input."""
    traced = {} if context.trace_id is None else {"trace_id": context.trace_id}
    logger.info(
        "request",
        request_id=context.request_id,
        method=scope["method"],
        route=route_of(scope),
        status=context.status,
        milliseconds=round(seconds * 1000, 2),
        round_trips=context.round_trips,
        tenant=None if context.tenant_id is None else str(context.tenant_id),
        **traced,
    )
