"""`wrk`, which puts the load on a server: as much as it takes, or so much a second."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.processes import cpu_seconds
from benchmarks.servers import Running

_REPLAY: Final = Path(__file__).with_name("replay.lua")

_turns: Final = count(1)


@dataclass(frozen=True)
class Measurement:
    """What one turn on one server gave."""

    requests_per_second: float
    p50_milliseconds: float | None = None
    p99_milliseconds: float | None = None
    cpu_microseconds: float | None = None
    """CPU of the server's processes for one request, the database's not in it."""
    database_microseconds: float | None = None
    """CPU of PostgreSQL for one request."""


def require_wrk() -> str:
    """Return the path of `wrk`, or tell how to get it and exit."""
    found = shutil.which("wrk")
    if found is None:
        print("wrk is needed: `apt-get install wrk` or `brew install wrk`.", file=sys.stderr)
        raise SystemExit(2)
    return found


def measure(
    server: Running,
    wrk: str,
    requests: Path,
    *,
    seconds: float,
    connections: int = 32,
    rate: float | None = None,
    postmaster: int | None = None,
) -> Measurement:
    """Put load on a server with the requests of a file; raises `SystemExit` if any fails.

    Without a `rate`, in requests a second, each connection sends its next request as soon as
    the last is answered. With `postmaster`, the CPU time of PostgreSQL is told too.
    """
    before = server.cpu_seconds(), postmaster and cpu_seconds(postmaster)
    command = [
        *(wrk, "--threads=1", f"--connections={connections}", f"--duration={round(seconds)}s"),
        *(f"--script={_REPLAY}", "--timeout=10s", server.contender.url),
        *("--", str(requests), str(next(_turns))),
    ]
    paced = {} if rate is None else {"BENCHMARK_RATE": str(rate)}
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
        env={**os.environ, **paced},
    )
    after = server.cpu_seconds(), postmaster and cpu_seconds(postmaster)
    told = json.loads(ran.stdout.rstrip().rpartition("\n")[2])
    if told["failed"] or not told["requests"]:
        raise SystemExit(f"{server.contender.name}, {requests.name}: {ran.stdout}{ran.stderr}")
    used = [
        None if begin is None or end is None else (end - begin) / told["requests"] * 1e6
        for begin, end in zip(before, after, strict=True)
    ]
    rate_reached = told["requests"] / told["seconds"]
    return Measurement(rate_reached, told["p50_ms"], told["p99_ms"], *used)
