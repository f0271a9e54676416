"""What is no HTTP at all, or never comes to its end, gets a problem like all that is refused."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sokho.core.domain.errors import DomainError
from sokho.core.domain.ids import new_id_text
from sokho.core.domain.texts import DEFAULT_LANGUAGE
from sokho.core.infrastructure.http.admission import REQUEST_SECONDS
from sokho.core.infrastructure.http.answering import AnsweringCycle
from sokho.core.infrastructure.http.context import CUT_OFF, GARBLED, WHOLE
from sokho.core.infrastructure.http.errors import (
    HeadTooLargeError,
    MalformedRequestError,
    RequestTimeoutError,
)
from sokho.core.infrastructure.http.health import DRAINING
from sokho.core.infrastructure.http.lingering import LingeringTransport
from sokho.core.infrastructure.http.problems import problem_body
from sokho.core.infrastructure.http.security_headers import security_headers

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request line and its header together; no client of good will needs a tenth."""


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with problems for answers and an end to every wait for a client."""

    head_seconds = 10.0
    """How long a request's head may take: from connecting, or from the answer before."""

    answer_seconds = 1.5 * REQUEST_SECONDS
    """How long an answer may take to begin: its deadline, and reading the answer before."""

    _waiting_since = 0.0
    _unsent = -1
    _head_bytes = 0
    _chunk_bytes = 0
    _begun: HTTPScope | None = None
    _is_broken = False
    _running: RequestResponseCycle | None = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = cast("Any", LingeringTransport(transport, self))
        self._waiting_since = self.loop.time()
        # One timer for all requests of a connection: one for each would cost more than this.
        self._watch = self.loop.call_later(self.head_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:
            self._running.disconnected = True  # uvicorn tells only the last of several
        super().connection_lost(exc)
        if self._watch is not None:
            self._watch.cancel()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent = -1  # the client has read

    def data_received(self, data: bytes) -> None:
        self._chunk_bytes = len(data)
        super().data_received(data)
        if self._has_begun_a_head:
            self._wait_for_its_rest()

    def on_headers_complete(self) -> None:
        if self._head_bytes + self._chunk_bytes > MAX_HEAD_BYTES:
            # Counted only now: it takes time, and the chunk may bring a body as well.
            lines = (len(name) + len(value) + 4 for name, value in self.headers)
            self._head_bytes = len(self.url) + sum(lines)
            if self._is_head_too_large:
                raise HeadTooLargeError
        self._head_bytes = 0
        super().on_headers_complete()
        if DRAINING in self.app_state:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.cycle.scope[WHOLE] = True  # type: ignore[typeddict-unknown-key]

    def on_response_complete(self) -> None:
        """Go on with what has come meanwhile; uvicorn would set a timer of its own for silence."""
        self._waiting_since = self.loop.time()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text
        self._refuse_what_comes()

    @property
    def is_answering(self) -> bool:
        """Whether a request has been read whose answer is not out."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_receiving(self) -> bool:
        """Whether a request has begun to come of which nobody waits for the rest."""
        return (
            self._is_broken
            or self._has_begun_a_head
            or (self.cycle is not None and self.cycle.more_body)
        )

    @property
    def _has_begun_a_head(self) -> bool:
        return self.scope is not (self.cycle.scope if self.cycle is not None else None)

    @property
    def _is_head_too_large(self) -> bool:
        return self._head_bytes > MAX_HEAD_BYTES and self._has_begun_a_head

    def _wait_for_its_rest(self) -> None:
        """Count what has come of a head that is not complete, but for the chunk it began in."""
        if self._begun is self.scope:
            self._head_bytes += self._chunk_bytes
        self._begun = self.scope
        if self._is_head_too_large:
            self._refuse_what_comes()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = AnsweringCycle  # uvicorn makes its own, and cannot be told another
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _look(self) -> None:
        """Close a connection that waits for its client too long, and look again later."""
        left = self.head_seconds
        waited = self.loop.time() - self._waiting_since
        if self.transport.is_closing() or self.is_answering:
            self._cut_off_if_stuck(is_overdue=waited > self.answer_seconds)
        elif waited >= left:
            self._time_out()
        else:
            left -= waited
        self._watch = self.loop.call_later(left, self._look)

    def _time_out(self) -> None:
        if self._has_begun_a_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, RequestTimeoutError)
        else:
            self.transport.close()

    def _cut_off_if_stuck(self, *, is_overdue: bool) -> None:
        """Give up a client that reads nothing, or too little for its next answer to begin.

        Closing waits until all has been sent, and an answer until the one before is read.
        """
        unsent = self.transport.get_write_buffer_size()
        if 0 < unsent == self._unsent or (is_overdue and self.is_answering):
            if self._running is not None:
                self._running.scope[CUT_OFF] = True  # type: ignore[typeddict-unknown-key]
            self.transport.abort()
        self._unsent = unsent

    def _refuse_what_comes(self) -> None:
        """Refuse and close: where the next request would begin, nobody can tell.

        What has come before is answered first, by the service: what were written now would
        pass for that answer, though the work may be done.
        """
        self._is_broken = True
        if self.is_answering:
            self.flow.pause_reading()
            self.cycle.keep_alive = False
            if self.cycle.more_body:
                self.cycle.scope[GARBLED] = True  # type: ignore[typeddict-unknown-key]
                self.cycle.more_body = False
                self.cycle.message_event.set()
        elif not self.transport.is_closing():
            if self._is_head_too_large:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HeadTooLargeError)
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, MalformedRequestError)

    def _refuse(self, status: HTTPStatus, error: type[DomainError]) -> None:
        """Answer without the service, which knows nothing of the request, and close."""
        request_id = new_id_text()
        title = error.text.in_language(DEFAULT_LANGUAGE)
        body = msgspec.json.encode(problem_body(status, error.code, title, title, request_id))
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-language: {DEFAULT_LANGUAGE}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n"
        )
        lines = (b"%b: %b\r\n" % line for line in security_headers(self.scheme or "http"))
        self.transport.write(b"".join((head.encode("ascii"), *lines, b"\r\n", body)))
        self.transport.close()
