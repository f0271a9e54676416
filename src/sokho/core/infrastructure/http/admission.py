"""How many requests a worker takes on at once, and for how long: beyond that, 503 at once."""

import asyncio
from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.database import OverloadedError

REQUEST_SECONDS: Final = 30.0
"""The longest that any request may take."""

_UNCOUNTED: Final = frozenset({"/livez", "/readyz"})


class Admission:
    """Refuses what is too much, and ends what takes too long.

    Beyond `most` requests at once the next one is refused before anything is done for it.
    Whatever has not ended after `seconds` is cancelled, which gives back what it holds. Who asks
    after the process's health is neither counted nor refused.
    """

    def __init__(self, app: ASGIApp, *, most: int, seconds: float = REQUEST_SECONDS) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds
        # In the order in which they began. One timer for all of them, the oldest's: one for
        # each would cost twenty times as much.
        self._running: dict[asyncio.Task[object], float] = {}
        self._overdue: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; raises `OverloadedError`."""
        task = asyncio.current_task()
        if scope["path"] in _UNCOUNTED or task is None:
            await self._app(scope, receive, send)
            return
        if len(self._running) >= self._most:
            raise OverloadedError
        self._running[task] = monotonic()
        if self._timer is None:
            self._timer = task.get_loop().call_later(self._seconds, self._look, task.get_loop())
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if task not in self._overdue:
                raise  # the server itself is being stopped
            raise OverloadedError from None
        finally:
            del self._running[task]
            if self._overdue and task in self._overdue:
                self._overdue.remove(task)
                task.uncancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what is overdue, and look again when the next request will be."""
        self._timer = None
        now = monotonic()
        for task, began in self._running.items():
            if now - began < self._seconds:
                self._timer = loop.call_later(began + self._seconds - now, self._look, loop)
                return
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
