"""A small service to be stopped under load: ``python -m tests.integration.stopping KIND WORKERS``.

KIND is ``draining`` or, for comparison, ``uvicorn``, or ``hasty``, whose workers do not wait for
their parent. It prints its port once it serves. While the file that ``STOPPING_SHUT`` names is
there, no worker can start.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from sokho.core.infrastructure.http import server
from sokho.core.infrastructure.http import workers as supervision

DRAIN_SECONDS: Final = 2.5
PATIENCE: Final = 60.0
_ABOUT_TO_SERVE: Final = b"about to serve\n"
_ROOT: Final = Path(__file__).parents[2]
if os.environ.get("STOPPING_KIND") == "hasty":  # the workers import this as well
    vars(supervision)["_PARENT_SECONDS"] = 0.0

_GET: Final = b"GET %s HTTP/1.1\r\nHost: sokho.test\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after a moment; ``/slow`` after a long one."""
    if scope["type"] == "http":
        await asyncio.sleep(60 if scope["path"] == "/slow" else 0.002)
        await Response(b"served")(scope, receive, send)
    if scope["type"] == "lifespan":
        await receive()
        if _is_shut():
            await send({"type": "lifespan.startup.failed", "message": "shut"})
            return
        print(_ABOUT_TO_SERVE.decode(), end="", flush=True)  # noqa: T201 - read by `stoppable`
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


class HangingUp(asyncio.Protocol):
    """What a library for websockets would make of our connections: nothing good."""

    def __init__(self, **_: object) -> None:
        pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@dataclass(frozen=True)
class Stopping:
    """A service in a process of its own, about to be stopped."""

    process: "subprocess.Popen[bytes]"
    port: int

    def signal(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)

    async def another_serves(self) -> None:
        """Wait until one more worker has started."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := await asyncio.to_thread(self.process.stdout.readline):
                if line == _ABOUT_TO_SERVE:  # what else comes is the log
                    return
        raise AssertionError(self.process.poll())

    async def ended(self) -> int:
        """Wait for its end and return its exit code."""
        return await asyncio.to_thread(self.process.wait, PATIENCE)


@asynccontextmanager
async def stoppable(
    kind: str, workers: int, *, shut: Path | None = None
) -> AsyncIterator[Stopping]:
    """Yield a service all of whose workers serve, and see to its end."""
    process = _started(kind, workers, "" if shut is None else str(shut))
    assert process.stdout is not None
    try:
        stopping = Stopping(process, int(await asyncio.to_thread(process.stdout.readline)))
        for _ in range(workers):
            await stopping.another_serves()
        async with asyncio.timeout(PATIENCE):
            await ask(stopping.port)
        yield stopping
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def ask(port: int, path: bytes = b"/") -> bytes:
    """Return the whole answer to one request on a connection of its own."""
    async with connected(port) as (reader, writer):
        return await ask_on(reader, writer, path)


async def ask_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes = b"/"
) -> bytes:
    """Return the whole answer to one more request on a connection."""
    writer.write(_GET % path)
    return await reader.readuntil(b"served")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection, and break it in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def outcome(asking: Coroutine[None, None, bytes]) -> str:
    """Return whether a request was answered, and how its connection went on."""
    try:
        async with asyncio.timeout(2):
            answer = await asking
    except (OSError, asyncio.IncompleteReadError):
        return "lost"
    return "served, closed" if b"\r\nconnection: close\r\n" in answer else "served"


async def load(port: int, seen: Counter[str], *, keeps_alive: bool) -> None:
    """Ask again and again until the port is closed, and count the answers and the losses."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            seen["lost"] += 1
            continue
        try:
            while b"connection: close" not in await ask_on(reader, writer):
                seen["answered"] += 1
                if not keeps_alive:
                    break
                await asyncio.sleep(0.01)
            else:
                seen["answered"] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            seen["lost"] += 1
        finally:
            writer.transport.abort()


def _is_shut() -> bool:
    path = os.environ["STOPPING_SHUT"]
    return bool(path) and Path(path).exists()


def _started(kind: str, workers: int, shut: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.stopping", kind, str(workers)],
        cwd=_ROOT,
        env={**os.environ, "STOPPING_SHUT": shut, "STOPPING_KIND": kind},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _serve(kind: str, workers: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as `sokho serve` has it
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        listener.set_inheritable(True)
        config = uvicorn.Config(
            "tests.integration.stopping:app",
            workers=workers,
            log_config=None,
            access_log=False,
            ws="tests.integration.stopping:HangingUp",
            timeout_worker_healthcheck=60,  # on a busy machine uvicorn kills those that start
        )
        print(listener.getsockname()[1], flush=True)  # noqa: T201 - read by `stoppable`
        if kind != "uvicorn":
            server.serve(config, listener, drain_seconds=DRAIN_SECONDS)
        elif workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            Multiprocess(config, sockets=[listener]).run()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
