"""The most frequent answer: a JSON document, whose headers are written without a detour."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sokho.core.infrastructure.http.body import JSON
from sokho.core.infrastructure.http.headers import on_the_wire

_TYPE: Final = (b"content-type", JSON.encode())


class JSONAnswer(Response):
    """What `Response` is with the media type of JSON, made in half of its time."""

    media_type = JSON

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [
            (on_the_wire(name), value.encode("latin-1")) for name, value in (headers or {}).items()
        ]
        self.raw_headers += ((b"content-length", b"%d" % len(body)), _TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send it; nothing is done in the background."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body})
