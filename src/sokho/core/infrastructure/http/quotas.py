"""How much one key may ask for: requests are counted, told in headers, and refused beyond that."""

from collections.abc import Callable
from math import ceil
from time import monotonic

from sokho.core.domain.identity import Principal
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.errors import RateLimitedError
from sokho.core.infrastructure.http.windows import WINDOW_SECONDS, Windows


class Quotas:
    """Counts the requests of each business's key, a minute at a time, in this process."""

    def __init__(self, per_minute: int, *, ticks: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._windows: Windows[tuple[int, int]] = Windows(ticks)
        policy = f'"default";q={per_minute};w={WINDOW_SECONDS}'
        self._policy = (b"ratelimit-policy", policy.encode())

    def count(self, principal: Principal, context: RequestContext) -> None:
        """Count one request, and tell in its answer's headers what is left.

        The headers are those of draft-ietf-httpapi-ratelimit-headers. Raises
        `RateLimitedError` when nothing is left.
        """
        if not self._per_minute:
            return
        # A key's id alone would do if nobody could choose one: the tenant is what is proved.
        # Numbers, as Python compares UUIDs with code of its own.
        key = (principal.tenant_id.int, principal.key_id.int)
        requests, seconds = self._windows.count(key)
        left, seconds_left = max(0, self._per_minute - requests), ceil(seconds)
        limit = b'"default";r=%d;t=%d' % (left, seconds_left)
        context.headers += (self._policy, (b"ratelimit", limit))
        if requests > self._per_minute:
            raise RateLimitedError(seconds_left)
