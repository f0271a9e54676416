"""The database's time, for what must not depend on the clock of this machine."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

_TRUSTED_SECONDS: Final = 30.0


class DatabaseClock:
    """Asks the database for its time now and then, and counts on from there.

    What it tells is never ahead of the database: it counts from the moment the answer had
    arrived, and a monotonic clock that stood still makes it late, not early.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[datetime]], *, ticks: Callable[[], float] = monotonic
    ) -> None:
        self._ask = ask
        self._ticks = ticks
        self._told: tuple[datetime, float] | None = None

    async def now(self) -> datetime:
        """Return the database's time: a round trip every half minute, none in between."""
        if self._told is None or self._ticks() - self._told[1] > _TRUSTED_SECONDS:
            self._told = (await self._ask(), self._ticks())
        told, since = self._told
        return told + timedelta(seconds=self._ticks() - since)
