"""What is no HTTP at all, or never comes to its end, gets a problem like all that is refused."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sokho.core.domain.ids import new_id
from sokho.core.domain.texts import DEFAULT_LANGUAGE, Text
from sokho.core.infrastructure.http.errors import RequestTimeoutError
from sokho.core.infrastructure.http.health import DRAINING
from sokho.core.infrastructure.http.lingering import LingeringTransport
from sokho.core.infrastructure.http.problems import problem_body

_MALFORMED: Final = Text(
    vi="Yêu cầu không đúng giao thức HTTP.", en="The request is not valid HTTP."
)


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with problems for answers and an end to every wait for a client."""

    head_seconds = 10.0
    """How long a request's head may take: from connecting, or from the answer before."""

    _waiting_since = 0.0
    _unsent = -1
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = cast("Any", LingeringTransport(transport, self))
        self._waiting_since = self.loop.time()
        # One timer for all requests of a connection: one for each would cost more than this.
        self._watch = self.loop.call_later(self.head_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._watch is not None:
            self._watch.cancel()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if DRAINING in self.app_state:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text
        """Answer 400 and close: where the next request would begin, nobody can tell."""
        self._refuse(HTTPStatus.BAD_REQUEST, "malformed_request", _MALFORMED)

    @property
    def is_answering(self) -> bool:
        """Whether a request has been read whose answer is not out."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_receiving(self) -> bool:
        """Whether a request has begun to come of which nobody waits for the rest."""
        return self._has_begun_a_head or (self.cycle is not None and self.cycle.more_body)

    @property
    def _has_begun_a_head(self) -> bool:
        return self.scope is not (self.cycle.scope if self.cycle is not None else None)

    def _look(self) -> None:
        """Close a connection that waits for its client too long, and look again later."""
        left = self.head_seconds
        if self.transport.is_closing():
            self._abort_if_stuck()
        elif not self.is_answering:
            left += self._waiting_since - self.loop.time()
            if left <= 0:
                self._time_out()
                left = self.head_seconds
        self._watch = self.loop.call_later(left, self._look)

    def _time_out(self) -> None:
        if self._has_begun_a_head:
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT, RequestTimeoutError.code, RequestTimeoutError.text
            )
        else:
            self.transport.close()

    def _abort_if_stuck(self) -> None:
        """Give up a client that reads nothing: closing waits until all has been sent."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == self._unsent:
            self.transport.abort()
        self._unsent = unsent

    def _refuse(self, status: HTTPStatus, code: str, text: Text) -> None:
        """Answer without the service, which knows nothing of the request, and close."""
        request_id = str(new_id())
        title = text.in_language(DEFAULT_LANGUAGE)
        body = msgspec.json.encode(problem_body(status, code, title, title, request_id))
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-language: {DEFAULT_LANGUAGE}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
