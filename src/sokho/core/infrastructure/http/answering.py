"""The head of an answer as uvicorn writes it, to the byte, in half of its time."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from sokho.core.infrastructure.http.body import JSON
from sokho.core.infrastructure.http.security_headers import security_headers

_WITHOUT_BODY: Final = frozenset({204, 304})

_ORDINARY: Final = frozenset(
    {b"content-length", b"date", b"etag", b"ratelimit", b"ratelimit-policy", b"x-request-id"}
)

_LENGTH: Final = b"content-length:"

_MEANT_FOR_THE_SERVER: Final = frozenset({b"connection", b"transfer-encoding"})


_KNOWN: Final = {
    line: b"%b: %b\r\n" % line
    for line in (*security_headers("https"), (b"content-type", JSON.encode()))
}
"""The lines of most answers: written once, they are not judged again for each."""


class AnsweringCycle(RequestResponseCycle):
    """One request and its answer, whose head is written in one go.

    uvicorn looks for forbidden characters in each line of each answer, with two regular
    expressions. Here that is done only for lines that are not known before. What is unusual
    (a body of unknown length, a header that tells the server something) is uvicorn's as ever.
    """

    async def send(self, message: Any) -> None:
        """Take an ASGI message; raises `RuntimeError` for what HTTP does not allow."""
        if self.response_started or self.flow.write_paused or self.disconnected:
            await super().send(message)
            return
        head = self._head(message)
        if head is None:
            await super().send(message)
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        self.transport.write(head)

    def _head(self, message: Any) -> bytes | None:
        """Return the head of an ordinary answer, None for any other."""
        if message["type"] != "http.response.start" or self.access_log:
            return None
        status = message["status"]
        lengths = []
        lines = [STATUS_LINE[status]]
        for line in (*self.default_headers, *message["headers"]):
            written = _KNOWN.get(line) or _written(*line)
            if written is None:
                return None
            if written.startswith(_LENGTH):
                lengths.append(int(line[1]))
            lines.append(written)
        if len(lengths) != 1 and (lengths or status not in _WITHOUT_BODY):
            return None
        self.expected_content_length = sum(lengths)
        self.chunked_encoding = False
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)


def _written(name: bytes, value: bytes) -> bytes | None:
    """Return a line of a head, or None where uvicorn has a word to say."""
    if name not in _ORDINARY:
        name = name.lower()
        if name in _MEANT_FOR_THE_SERVER or HEADER_RE.search(name):
            return None
    return None if HEADER_VALUE_RE.search(value) else b"%b: %b\r\n" % (name, value)
