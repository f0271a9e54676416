"""The service behind a real server, spoken to in bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Final

import httpx2
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sokho.core.infrastructure.http.protocol import ProblemProtocol

HEAD_SECONDS: Final = 0.3


class Server:
    """The service behind uvicorn as ``sokho serve`` runs it, spoken to in bytes."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def request(self, *lines: str, start: str = "POST /v1/items") -> bytes:
        """Return the head of a request that closes its connection."""
        head = [
            f"{start} HTTP/1.1",
            "Host: sokho.test",
            "Connection: close",
            f"Authorization: Bearer {self._key}",
            "Content-Type: application/json",
        ]
        return "\r\n".join([*head, *lines, "", ""]).encode("latin-1")

    async def answers(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Return all that comes back for bytes sent one part after the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        with closing(writer):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause)
            async with asyncio.timeout(10):
                return await reader.read()

    async def breaks_off(self, part: bytes) -> None:
        """Send the beginning of a request, and hang up."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(part)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)


def parsed(came: bytes) -> httpx2.Response:
    """Return what came as one answer."""
    head, _, content = came.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in rest)]
    return httpx2.Response(int(first.split()[1]), headers=headers, content=content)


@asynccontextmanager
async def listening(
    app: ASGIApp, protocol: type[ProblemProtocol] = ProblemProtocol
) -> AsyncIterator[uvicorn.Server]:
    """Serve an application as ``sokho serve`` does, on a port of its own."""
    config = uvicorn.Config(
        app,
        port=0,
        http=protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    config.load()
    running = uvicorn.Server(config)
    running.lifespan = config.lifespan_class(config)
    await running.startup()
    try:
        yield running
    finally:
        await running.shutdown()


def port_of(running: uvicorn.Server) -> int:
    """Return where a server listens."""
    port: int = running.servers[0].sockets[0].getsockname()[1]
    return port


class Impatient(ProblemProtocol):
    """The service's protocol, in a hurry."""

    head_seconds = HEAD_SECONDS


class Unbounded(ProblemProtocol):
    """The control: uvicorn's own protocol, which bounds no head and waits without end."""

    connection_made = HttpToolsProtocol.connection_made
    connection_lost = HttpToolsProtocol.connection_lost
    data_received = HttpToolsProtocol.data_received
    on_headers_complete = HttpToolsProtocol.on_headers_complete


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection, and break it in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server closes, which it must."""
    async with asyncio.timeout(5):
        return await reader.read()
