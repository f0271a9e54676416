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
        length: int | None = None
        lines = [STATUS_LINE[status]]
        for line in (*self.default_headers, *message["headers"]):
            known = _KNOWN.get(line)
            if known is None:
                name, value = line
                if name not in _ORDINARY:
                    name = name.lower()
                    if name in _MEANT_FOR_THE_SERVER or HEADER_RE.search(name):
                        return None
                if HEADER_VALUE_RE.search(value):
                    return None  # uvicorn has words for it
                if name == b"content-length":
                    if length is not None:
                        return None
                    length = int(value)
                known = b"%b: %b\r\n" % (name, value)
            lines.append(known)
        if length is None:
            if status not in _WITHOUT_BODY:
                return None
            length = 0
        self.expected_content_length = length
        self.chunked_encoding = False
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)
