"""HTTP/1.1 byte by byte, for clients that no library would let be so rude."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

import httpx2

from tests.reliability.sites import Business

_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""``struct linger``: closing throws away what is under way and sends RST (socket(7))."""


class Answer(NamedTuple):
    """A response as it came in."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the server will take no other request on this connection."""
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """One connection to a service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: httpx2.URL) -> Self:
        """Connect; raises `OSError`."""
        return cls(*await asyncio.open_connection(url.host, url.port))

    async def send(self, data: bytes) -> None:
        """Send some bytes; raises `OSError`."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """Read one response; raises `OSError` or `EOFError` where there is none."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        status = int(first.split()[1])
        length = int(headers.get("content-length", "0"))
        return Answer(status, headers, await self._reader.readexactly(length))

    @property
    def is_ended(self) -> bool:
        """Whether the server has closed it, as far as is known here."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """Close it in the usual way."""
        self._writer.close()

    def reset(self) -> None:
        """Close it so that the server gets a reset, whatever it is about to send."""
        connected: socket.socket = self._writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        self._writer.transport.abort()


def request(business: Business, method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """Return the bytes of a request; `headers` with underscores for hyphens."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "sokho.test", **business.headers}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content
