"""The server, in one process or several: it stops without losing a request."""

import asyncio
import multiprocessing
import signal
import socket
import time
from math import ceil
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from sokho.core.infrastructure.http.accept_queue import refuse_newcomers
from sokho.core.infrastructure.http.admission import REQUEST_SECONDS
from sokho.core.infrastructure.http.health import DRAINING
from sokho.core.infrastructure.http.protocol import ProblemProtocol
from sokho.core.infrastructure.logging import logger

GRACE_SECONDS: Final = ceil(REQUEST_SECONDS) + 5
"""How long a stop waits for what is in progress: longer than any request may take."""

_HANDSHAKE_SECONDS: Final = 0.3
_LAST_REQUEST_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.05


class DrainingServer(uvicorn.Server):
    """Stops in steps at SIGTERM; a second signal, and the first Ctrl-C, cut them short.

    It goes on serving for `drain_seconds`, while ``/readyz`` answers 503 and each answer asks
    its client to connect anew, elsewhere. Then it takes what waits in the accept queue, lets
    every connection send the request that may be on its way, answers what is in progress, and
    ends. uvicorn's own server closes idle connections and the accept queue unseen.
    """

    def __init__(self, config: uvicorn.Config, *, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._drains = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        # A worker may get the same one twice, from the service's manager and from its parent.
        if self.should_exit and multiprocessing.parent_process() is None:
            self.force_exit = True
        if not self.should_exit:
            self._drains = sig == signal.SIGTERM
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        """Serve until a signal comes, and after SIGTERM for a while longer."""
        await super().main_loop()
        if self._drains:
            self.lifespan.state[DRAINING] = True
            await self._serve_on(self._drain_seconds)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: nothing that a client has sent is left unanswered."""
        if self._drains and not self.force_exit:
            for listener in sockets or []:
                refuse_newcomers(listener)
            await self._serve_on(_HANDSHAKE_SECONDS)
            for server in self.servers:
                server.close()
            await self._serve_on(_LAST_REQUEST_SECONDS, while_connected=True)
        await super().shutdown(sockets)

    async def _serve_on(self, seconds: float, *, while_connected: bool = False) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.force_exit:
            if while_connected and not self.server_state.connections:
                return
            await asyncio.sleep(_LOOK_SECONDS)
            await self.on_tick(0)  # the date in the answers


class Workers(Multiprocess):
    """uvicorn's supervisor, whose workers are draining servers; a second signal kills them."""

    processes: list[Process]

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], *, drain_seconds: float
    ) -> None:
        super().__init__(config, sockets)
        self._drain_seconds = drain_seconds

    def init_processes(self) -> None:
        """Start the workers."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that died; give up where one cannot even start.

        uvicorn also kills a worker that does not answer within seconds, which on a busy machine
        may only mean that it is still starting.
        """
        for number, worker in enumerate(self.processes):
            if worker.process.is_alive():
                continue
            if worker.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
                return
            logger.warning("a worker died and is replaced", pid=worker.pid)
            self.processes[number] = self._started()

    def terminate_all(self) -> None:
        """Tell the workers to stop."""
        for listener in self.sockets:
            listener.close()  # theirs are others; this one would keep the port open after them
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers' end."""
        while any(worker.process.is_alive() for worker in self.processes):
            if self.signal_queue:
                for worker in self.processes:
                    worker.kill()
            time.sleep(_LOOK_SECONDS)
        super().join_all()

    def handle_hup(self) -> None:
        """Stop: the terminal was closed."""
        self.should_exit.set()

    def handle_ttin(self) -> None:
        """Start no more workers than the database has connections for."""

    def handle_ttou(self) -> None:
        """Stop no worker: their number is a setting."""

    def _started(self) -> Process:
        worker = _Worker(self.config, self.sockets, self._drain_seconds)
        worker.start()
        return worker


class _Worker(Process):
    """One worker's process, as its parent holds it and as it finds itself."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], drain_seconds: float
    ) -> None:
        self._drain_seconds = drain_seconds
        super().__init__(config, sockets)

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = DrainingServer(self.config, drain_seconds=self._drain_seconds)
        return self._server


def serve(config: uvicorn.Config, listener: socket.socket, *, drain_seconds: float) -> None:
    """Serve on `listener` until a signal comes, with as many workers as the configuration has.

    Raises `KeyboardInterrupt` after a Ctrl-C where there is one worker, which is this process.
    """
    config.http = ProblemProtocol
    config.timeout_graceful_shutdown = GRACE_SECONDS
    if config.workers == 1:
        DrainingServer(config, drain_seconds=drain_seconds).run(sockets=[listener])
    else:
        Workers(config, [listener], drain_seconds=drain_seconds).run()
