"""An answer as uvicorn writes it, to the byte, in a fraction of its time."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from sokho.core.infrastructure.http.security_headers import security_headers

_WITHOUT_BODY: Final = frozenset({204, 304})

_ORDINARY: Final = frozenset(
    {
        *(name for name, _ in security_headers("https")),
        *(b"content-language", b"content-length", b"content-type", b"date", b"etag", b"link"),
        *(b"location", b"ratelimit", b"ratelimit-policy", b"retry-after", b"x-request-id"),
        *(b"access-control-allow-origin", b"access-control-expose-headers", b"vary"),
        *(b"idempotent-replayed", b"sokho-sync-watermark"),
    }
)
"""The headers of most answers: names that are right as they stand, and mean nothing to uvicorn."""

_ALLOWED: Final = bytes(each for each in range(256) if not HEADER_VALUE_RE.search(bytes([each])))

_END: Final = b"\r\n"

_written = b": ".join


class AnsweringCycle(RequestResponseCycle):
    """One request and its answer, whose head and body are written in one go.

    uvicorn goes through an answer's headers one by one, with two regular expressions for each.
    Here all are looked at together. What is unusual (a body in pieces or of unknown length, a
    header that tells the server something) is uvicorn's as ever.
    """

    _held = b""
    """The head, until the body comes: ASGI has it so, and two writes are two system calls."""

    async def send(self, message: Any) -> None:
        """Take an ASGI message; raises `RuntimeError` for what HTTP does not allow."""
        if self.flow.write_paused or self.disconnected:
            await self._send_as_uvicorn(message)
        elif not self.response_started:
            head = self._head(message)
            if head is None:
                await self._send_as_uvicorn(message)
                return
            self.response_started = True
            self.waiting_for_100_continue = False
            self._held = head
        elif self._is_whole(message):
            self.transport.write(self._held + message["body"])
            self._held = b""
            self.expected_content_length = 0
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()
        else:
            await self._send_as_uvicorn(message)

    async def _send_as_uvicorn(self, message: Any) -> None:
        if self._held and not self.disconnected:
            self.transport.write(self._held)
        self._held = b""
        await super().send(message)

    def _head(self, message: Any) -> bytes | None:
        """Return the head of an ordinary answer, None for any other."""
        if message["type"] != "http.response.start" or self.access_log:
            return None
        lines = [*self.default_headers, *message["headers"]]
        fields = dict(lines)
        if len(fields) < len(lines) or not fields.keys() <= _ORDINARY:
            return None
        status = message["status"]
        length = fields.get(b"content-length")
        if length is None and status not in _WITHOUT_BODY:
            return None
        head = _END.join(map(_written, lines))
        if head.translate(None, _ALLOWED) != _END * (len(lines) - 1):
            return None  # a value has what nothing but the end of a line may have
        self.expected_content_length = 0 if length is None else int(length)
        self.chunked_encoding = False
        end = b"\r\n\r\n" if self.keep_alive else b"\r\nconnection: close\r\n\r\n"
        return STATUS_LINE[status] + head + end

    def _is_whole(self, message: Any) -> bool:
        """Whether a message is all of a body of known length, and nothing else came before."""
        return (
            message["type"] == "http.response.body"
            and not self.response_complete
            and not self.chunked_encoding
            and not message.get("more_body", False)
            and len(message.get("body", b"")) == self.expected_content_length != 0
            and self.scope["method"] != "HEAD"
        )
