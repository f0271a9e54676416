"""What is counted for Prometheus: requests by route, and how busy a worker is.

Each worker process writes its figures into files of a folder that all share, and whoever
answers Prometheus adds them up (`sokho.cli.metrics`). Nothing tells of a business.
"""

import asyncio
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Literal

from sokho.core.infrastructure.database import Database

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

# What a client makes up must not become a label: each value is a series for ever.
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER_METHOD: Final = "other"
_NO_ROUTE: Final = "none"

# Seconds: from a read out of memory up to the longest that a request may take.
_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)

# Out of step with what else is done every few seconds, which would be met each time.
_SAMPLE_SECONDS: Final = 0.7


class Metrics:
    """The figures of one worker; `sample` writes those that are states, not events."""

    def __init__(self) -> None:
        # When it is imported, the library reads from the environment where its files are.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        registry = self.registry = CollectorRegistry()
        self.in_progress = 0
        self._series: dict[tuple[str, str | None, int], _Series] = {}
        self._durations = Histogram(
            "sokho_http_request_duration_seconds",
            "How long requests took; status 499: the client did not wait; 0: not answered.",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._round_trips = Counter(
            "sokho_database_round_trips",
            "Messages exchanged with the database in the transactions of requests.",
            ["method", "route"],
            registry=registry,
        )
        self._refusals = Counter(
            "sokho_database_connection_refusals",
            "Connections that were not free in time, or could not be opened.",
            registry=registry,
        )
        self._refusals_told = 0

        def state(name: str, told: str, mode: Literal["livesum", "livemax"] = "livesum") -> Gauge:
            return Gauge(name, told, registry=registry, multiprocess_mode=mode)

        self._in_progress = state(
            "sokho_http_requests_in_progress", "Requests that have come and are not answered yet."
        )
        self._in_use = state(
            "sokho_database_connections_in_use", "Connections that a request holds."
        )
        self._limit = state("sokho_database_connections_limit", "Connections that there may be.")
        self._waiting = state(
            "sokho_database_connections_waited_for", "Requests that wait for a connection."
        )
        self._lag = state(
            "sokho_event_loop_lag_seconds",
            "How late the busiest worker comes to what is due: much, once its CPU is used up.",
            "livemax",
        )

    def count(
        self, method: str, route: str | None, status: int, *, seconds: float, round_trips: int
    ) -> None:
        """Count a request that is over, by the template of its path if it has matched one."""
        series = self._series.get((method, route, status)) or self._new(method, route, status)
        series.times[bisect_left(_BUCKETS, seconds)] += 1
        series.seconds += seconds
        series.round_trips += round_trips

    async def keep_sampling(self, database: Database) -> None:
        """Write how busy this worker is, again and again, until cancelled."""
        try:
            while True:
                due = time.monotonic() + _SAMPLE_SECONDS
                await asyncio.sleep(_SAMPLE_SECONDS)
                self.sample(database, lag=time.monotonic() - due)
        finally:
            self.sample(database)

    def sample(self, database: Database, *, lag: float = 0.0) -> None:
        """Write what has been counted and how busy this worker is; it is `lag` seconds late."""
        self.write_counts()
        usage = database.usage
        self._in_progress.set(self.in_progress)
        self._in_use.set(usage.in_use)
        self._limit.set(usage.size)
        self._waiting.set(usage.waiting)
        self._lag.set(max(0.0, lag))
        self._refusals.inc(usage.refusals - self._refusals_told)
        self._refusals_told = usage.refusals

    def write_counts(self) -> None:
        """Write the requests that are over."""
        for series in self._series.values():
            series.write()

    def _new(self, method: str, route: str | None, status: int) -> "_Series":
        method = method if method in _METHODS else _OTHER_METHOD
        key = (method, route, status)
        if key not in self._series:
            labels = (method, route or _NO_ROUTE)
            durations = self._durations.labels(*labels, status)
            self._series[key] = _Series(durations, self._round_trips.labels(*labels))
        return self._series[key]


class _Series:
    """Requests of one kind that are not written yet.

    The library's own way, a request at a time, took four times as much of the CPU under load.
    """

    __slots__ = ("_durations", "_trips", "round_trips", "seconds", "times")

    def __init__(self, durations: "Histogram", trips: "Counter") -> None:
        self._durations = durations
        self._trips = trips
        self._clear()

    def write(self) -> None:
        """Add what has come to the figures of the process."""
        if not any(self.times):
            return
        for bucket, times in zip(self._durations._buckets, self.times, strict=True):  # noqa: SLF001
            if times:
                bucket.inc(times)
        self._durations._sum.inc(self.seconds)  # noqa: SLF001
        self._trips.inc(self.round_trips)
        self._clear()

    def _clear(self) -> None:
        self.times = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0
        self.round_trips = 0
