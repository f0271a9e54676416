"""Who guesses keys is slowed down: failures by address are counted, and refused beyond a limit."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic

from sokho.core.infrastructure.http.errors import RateLimitedError
from sokho.core.infrastructure.http.windows import Windows


class AuthFailures:
    """Counts wrong keys by address, a minute at a time, in this process.

    Only a failure is ever refused: whoever shows a valid key is served, also from an address
    that somebody else guesses from. Of an IPv6 address the network counts, since its other
    half is anybody's to choose.
    """

    def __init__(self, per_minute: int, *, ticks: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._windows: Windows[str] = Windows(ticks)

    def note(self, address: str) -> None:
        """Count one failure; raises `RateLimitedError` when there were too many."""
        if not self._per_minute:
            return
        failures, seconds_left = self._windows.count(_network(address))
        if failures > self._per_minute:
            raise RateLimitedError(ceil(seconds_left))


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a socket of this machine has none
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(int(parsed) >> 64)
        parsed = parsed.ipv4_mapped  # how a socket of both kinds writes it
    return str(parsed)
