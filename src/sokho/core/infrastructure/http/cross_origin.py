"""CORS: which pages of other origins may call the service from a browser, and read what."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.http.errors import CrossOriginRefusedError
from sokho.core.infrastructure.http.problems import answer_to

_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

_SENT: Final = (
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Sokho-Actor",
    "traceparent",
    "tracestate",
)

_SHOWN: Final = (
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sokho-Sync-Watermark",
    "X-Request-Id",
)


class CrossOriginMiddleware(CORSMiddleware):
    """Starlette's, for this service's methods and headers; a refused preflight is a problem.

    Credentials of the browser (cookies) are never allowed: keys travel in a header.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_SHOWN,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer the browser's question whether a page may call."""
        answer = super().preflight_response(request_headers)
        return answer if answer.status_code == HTTPStatus.OK else _Refusal()


class _Refusal(Response):
    """Becomes a problem when it is sent: only then is the caller's language known."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer_to(scope, CrossOriginRefusedError())(scope, receive, send)
