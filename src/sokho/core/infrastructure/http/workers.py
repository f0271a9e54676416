"""Several workers on one socket: those that end are replaced, none outlives its parent."""

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.connection import Connection
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from sokho.core.infrastructure.http.accept_queue import refuse_newcomers, refuses_newcomers
from sokho.core.infrastructure.http.draining import DrainingServer
from sokho.core.infrastructure.logging import logger

_LOOK_SECONDS: Final = 0.05
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_PARENT_SECONDS: Final = 5.0


class Workers(Multiprocess):
    """uvicorn's supervisor, whose workers are draining servers; a second signal kills them."""

    processes: list["_Worker"]  # type: ignore[assignment]

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], *, drain_seconds: float
    ) -> None:
        super().__init__(config, sockets)
        self.has_given_up = False
        """Whether the service ended because no worker could ever start."""
        self._drain_seconds = drain_seconds
        self._has_served = False

    def run(self) -> None:
        """Serve until a signal comes.

        uvicorn's own looks for signals twice a second: workers that got theirs from a manager
        of services would be that far ahead.
        """
        self.init_processes()
        while not self.should_exit.wait(_LOOK_SECONDS):
            self.handle_signals()
            self.keep_subprocess_alive()
        self.terminate_all()
        self.join_all()

    def init_processes(self) -> None:
        """Start the workers."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that ended; give up where none could ever start.

        What cannot start later may do so again, when the database is back: it is tried after a
        pause that doubles. uvicorn also kills a worker that does not answer within seconds,
        which on a busy machine may only mean that it is still starting.
        """
        self._has_served = self._has_served or any(each.has_started for each in self.processes)
        for number, worker in enumerate(self.processes):
            if self.should_exit.is_set() or worker.process.is_alive():
                continue
            if worker.exitcode == STARTUP_FAILURE and not self._has_served:
                self.has_given_up = True
                self.should_exit.set()
            elif worker.has_started:
                self._replace(number)
            elif time.monotonic() - worker.began >= worker.pause:
                self._replace(number, pause=min(2 * worker.pause, _LONGEST_PAUSE_SECONDS))

    def join_all(self) -> None:
        """Wait for the workers' end; close the port for all of them once they have drained."""
        until = time.monotonic() + self._drain_seconds
        while any(worker.process.is_alive() for worker in self.processes):
            if self.signal_queue:
                for worker in self.processes:
                    worker.kill()
            if time.monotonic() >= until:
                self._close()
            time.sleep(_LOOK_SECONDS)
        super().join_all()

    def handle_hup(self) -> None:
        """Stop: the terminal was closed."""
        self.should_exit.set()

    def handle_ttin(self) -> None:
        """Start no more workers than the database has connections for."""

    def handle_ttou(self) -> None:
        """Stop no worker: their number is a setting."""

    def _replace(self, number: int, *, pause: float = _FIRST_PAUSE_SECONDS) -> None:
        ended = self.processes[number]
        logger.warning("a worker ended and is replaced", pid=ended.pid, exit_code=ended.exitcode)
        self.processes[number] = self._started(pause)

    def _started(self, pause: float = _FIRST_PAUSE_SECONDS) -> "_Worker":
        worker = _Worker(self.config, self.sockets, self._drain_seconds, pause)
        worker.start()
        return worker

    def _close(self) -> None:
        while self.sockets:
            listener = self.sockets.pop()
            refuse_newcomers(listener)
            listener.close()  # the workers' are others; this one would keep the port open


class _Worker(Process):
    """One worker's process, as its parent holds it and as it finds itself."""

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: list[socket.socket],
        drain_seconds: float,
        pause: float,
    ) -> None:
        self._drain_seconds = drain_seconds
        self.pause = pause
        """If it cannot start: the seconds between its start and that of the next."""
        self.began = time.monotonic()
        super().__init__(config, sockets)

    @property
    def has_started(self) -> bool:
        """Whether it has ever served; nobody takes its word out of the pipe."""
        return self.parent_conn.poll()

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, in the worker's process."""
        _WorkerServer(
            self.config, drain_seconds=self._drain_seconds, has_started=self.child_conn
        ).run(sockets)


class _WorkerServer(DrainingServer):
    """A draining server on a socket that others serve as well."""

    def __init__(
        self, config: uvicorn.Config, *, drain_seconds: float, has_started: Connection
    ) -> None:
        super().__init__(config, drain_seconds=drain_seconds)
        self._has_started = has_started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal; the service's manager and the parent may send the same one."""
        if not self.should_exit or sig == signal.SIGINT:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the parent."""
        await super().startup(sockets)
        self._has_started.send(None)

    async def on_tick(self, counter: int) -> bool:
        """Stop when the parent is gone: nobody would replace this worker, or tell it to stop."""
        if not self.should_exit and _is_orphaned():
            self.handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    async def let_nobody_in(self, listeners: list[socket.socket]) -> None:
        """Leave the others' newcomers alone: the parent refuses them when all stop.

        On a busy machine it may be late, and whoever comes meanwhile has to be let in by somebody.
        """

        def is_the_last() -> bool:
            return _is_orphaned() or all(map(refuses_newcomers, listeners))

        await self.serve_on(_PARENT_SECONDS, unless=is_the_last)
        if _is_orphaned():  # and so are the others
            await super().let_nobody_in(listeners)


def _is_orphaned() -> bool:
    parent = multiprocessing.parent_process()
    return parent is None or parent.pid != os.getppid()
