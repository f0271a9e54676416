"""A server that stops without losing a request."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from sokho.core.infrastructure.http.accept_queue import refuse_newcomers
from sokho.core.infrastructure.http.health import DRAINING

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
        if self.should_exit:
            self.force_exit = True
        else:
            self._drains = sig == signal.SIGTERM
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        """Serve until a signal comes, and after SIGTERM for a while longer."""
        await super().main_loop()
        if self._drains:
            self.lifespan.state[DRAINING] = True
            await self.serve_on(self._drain_seconds)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: nothing that a client has sent is left unanswered."""
        if self._drains and not self.force_exit:
            await self.let_nobody_in(sockets or [])
            await self.serve_on(_HANDSHAKE_SECONDS)
            for server in self.servers:
                server.close()
            await self.serve_on(_LAST_REQUEST_SECONDS, unless=self._is_left)
        await super().shutdown(sockets)

    async def let_nobody_in(self, listeners: list[socket.socket]) -> None:
        """Let nobody new in, for good: this server is the last on the `listeners`."""
        for listener in listeners:
            refuse_newcomers(listener)

    def _is_left(self) -> bool:
        return not self.server_state.connections

    async def serve_on(self, seconds: float, *, unless: Callable[[], bool] | None = None) -> None:
        """Serve on for so many seconds, or until it is as `unless` tells."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.force_exit:
            if unless is not None and unless():
                return
            await asyncio.sleep(_LOOK_SECONDS)
            await self.on_tick(0)  # the date in the answers
