"""Counting by key, a window of time after the other, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Final, Generic, TypeVar

WINDOW_SECONDS: Final = 60

_KEYS: Final = 10_000

_K = TypeVar("_K", bound=Hashable)


class Windows(Generic[_K]):
    """Counts events by key, in windows of a minute that begin with the first, in this process.

    At most 10 000 keys are remembered: the one that was longest quiet goes first.
    """

    def __init__(self, ticks: Callable[[], float] = monotonic) -> None:
        self._ticks = ticks
        self._windows: OrderedDict[_K, _Window] = OrderedDict()

    def count(self, key: _K) -> tuple[int, float]:
        """Count one event of `key`.

        Returns how many there were in the window, this one among them, and the seconds until
        the next window may begin.
        """
        now = self._ticks()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(now)
            if len(self._windows) > _KEYS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(key)
            if now - window.began >= WINDOW_SECONDS:
                window.began, window.events = now, 0
        window.events += 1
        return window.events, window.began + WINDOW_SECONDS - now

    def __len__(self) -> int:
        return len(self._windows)


class _Window:
    __slots__ = ("began", "events")

    def __init__(self, began: float) -> None:
        self.began = began
        self.events = 0
