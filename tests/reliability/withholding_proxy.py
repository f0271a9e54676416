"""Stands between a service and PostgreSQL, and holds a transaction up just before its end.

So a worker process can be killed at an exact point: with everything done but the commit, or
with the commit done and nobody told.
"""

import asyncio
import contextlib
import shutil
import socket
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs, quote, urlsplit

BEFORE_COMMIT: Final = "before the commit"
AFTER_COMMIT: Final = "after the commit"

_SOCKET: Final = ".s.PGSQL.5432"
_COMMIT: Final = b"COMMIT\0"
"""How a simple query ends that commits, whatever else goes along with it."""


class WithholdingProxy:
    """Passes on everything, until it is told to hold up the next transaction that ends."""

    def __init__(self, real: Path, folder: Path) -> None:
        self._real = real
        self._folder = folder
        self._point: str | None = None
        self._commits: bytes | None = None
        self._held = asyncio.Event()
        self._pid = 0
        self.workers: dict[int, int] = {}
        """How many connections each process has, by its pid."""

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[tuple[Self, str]]:
        """Yield the proxy, and the URL that leads through it to the server of `url`."""
        [host] = parse_qs(urlsplit(url).query)["host"]
        folder = Path(tempfile.mkdtemp(prefix="sokho-proxy-"))  # a socket's path must be short
        proxy = cls(Path(host) / _SOCKET, folder)
        server = await asyncio.start_unix_server(proxy._serve, folder / _SOCKET)
        try:
            through = url.replace(quote(host, safe=""), quote(str(folder), safe=""))
            yield proxy, through
        finally:
            server.close()
            shutil.rmtree(folder)

    def hold(self, point: str, commits: bytes | None = None) -> None:
        """Hold up the next transaction that commits, `BEFORE_COMMIT` or `AFTER_COMMIT`.

        `commits` is among the values of a statement that is a transaction of its own.
        """
        self._point = point
        self._commits = commits
        self._held.clear()

    async def held(self) -> int:
        """Wait until one is held up; return the pid of the process whose it is."""
        async with asyncio.timeout(30):
            await self._held.wait()
        self._point = None
        return self._pid

    def _is_commit(self, data: bytes) -> bool:
        return data.endswith(_COMMIT) or (self._commits is not None and self._commits in data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid = _peer(writer)
        self.workers[pid] = self.workers.get(pid, 0) + 1
        try:
            ups, up = await asyncio.open_unix_connection(self._real)
        except OSError:
            writer.close()
            return
        answers = asyncio.create_task(_pump(ups, writer))
        try:
            while data := await reader.read(65536):
                if self._point and self._is_commit(data):
                    point, self._pid = self._point, pid
                    answers.cancel()
                    await asyncio.wait([answers])
                    if point == AFTER_COMMIT:
                        up.write(data)
                        await ups.read(65536)  # the server's word that it is done
                    self._held.set()
                    await reader.read()  # until the process is dead
                    break
                up.write(data)
        except OSError:
            pass
        finally:
            answers.cancel()
            up.close()
            writer.close()
            self.workers[pid] -= 1


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def _peer(writer: asyncio.StreamWriter) -> int:
    """Return the pid of the process at the other end (unix(7), SO_PEERCRED)."""
    connected: socket.socket = writer.get_extra_info("socket")
    pid: int = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[
        0
    ]
    return pid
