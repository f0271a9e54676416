"""Around every request: its id, the last line of defence, and its line in the log."""

import logging
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sokho.core.domain.identity import Principal
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.problems import answer_to, is_foreseen
from sokho.core.infrastructure.logging import logger


class RequestMiddleware:
    """Gives each request an id, answers what was raised with a problem, and logs the request.

    Pure ASGI: Starlette's `BaseHTTPMiddleware` would halve the throughput.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = RequestContext(new_id())
        context.attach(scope)
        id_header = (b"x-request-id", str(context.request_id).encode())
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *context.headers, id_header]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = 499  # nobody is left to answer
        except Exception as error:
            if not is_foreseen(error):
                logger.exception("request failed", request_id=str(context.request_id))
            if status:
                raise  # part of the answer is out: the connection must break
            await answer_to(scope, error)(scope, receive, send_with_id)
        finally:
            _log(scope, context, status)


def _log(scope: Scope, context: RequestContext, status: int) -> None:
    """Write one line. The route's template stands in it, not the path: that is input."""
    if not logger.is_enabled_for(logging.INFO):
        return
    route = scope.get("route")
    caller: Any = context.caller
    logger.info(
        "request",
        request_id=str(context.request_id),
        method=scope["method"],
        route=getattr(route, "path", None),
        status=status,
        milliseconds=round((perf_counter() - context.started) * 1000, 2),
        round_trips=context.transaction.round_trips if context.transaction else 0,
        tenant=str(caller.tenant_id) if isinstance(caller, Principal) else None,
    )
