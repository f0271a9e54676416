"""The servers under test: each one worker process, on loopback, stopped by its own pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.dataset import SECRET, Dataset, Tenant

_ROOT: Final = Path(__file__).parents[1]
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0

UNREACHED: Final = 1_000_000_000
"""A quota that is counted, and that no load here uses up."""

NAIVE: Final = "naive"
RAW: Final = "raw ASGI"
SOKHO: Final = "Sokho"
SOKHO_LOGGING: Final = "Sokho, request log on"


@dataclass(frozen=True)
class Contender:
    """A server, and how it wants to be told the tenant."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    wants_key: bool = False
    """Whether it authenticates; the others believe a header."""
    moves: bool = True
    """Whether it keeps stock."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def credentials(self, tenant: Tenant) -> tuple[str, str]:
        """Return the header that stands for a tenant."""
        if self.wants_key:
            return "Authorization", f"Bearer {tenant.api_key}"
        return "X-Tenant-Id", str(tenant.id)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    contender: Contender
    pid: int

    def cpu_seconds(self) -> float | None:
        """Return the CPU time that the process has taken so far, where the system tells."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def contenders(dataset: Dataset) -> list[Contender]:
    """Return the servers to compare; naive first, since ratios are to it."""
    return [
        _peer(NAIVE, "naive", dataset),
        _peer(RAW, "raw", dataset, moves=False),
        sokho(SOKHO, dataset, log_level="warning"),
        sokho(SOKHO_LOGGING, dataset, log_level="info"),
    ]


def sokho(
    name: str,
    dataset: Dataset,
    *,
    log_level: str,
    command: Sequence[str] = (str(Path(sys.executable).with_name("sokho")),),
    **environment: str,
) -> Contender:
    """Return ``sokho serve`` as it runs in production, or as another `command` runs it."""
    port = free_port()
    return Contender(
        name,
        [*command, "serve"],
        {
            "SOKHO_DATABASE_URL": dataset.urls.app,
            "SOKHO_SECRET": SECRET,
            "SOKHO_PORT": str(port),
            "SOKHO_LOG_LEVEL": log_level,
            "SOKHO_REQUESTS_PER_MINUTE": str(UNREACHED),
            **environment,
        },
        port,
        wants_key=True,
    )


def free_port() -> int:
    """Return a port on loopback that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _peer(name: str, module: str, dataset: Dataset, *, moves: bool = True) -> Contender:
    port = free_port()
    options = "--loop uvloop --http httptools --no-access-log --no-server-header"
    return Contender(
        name,
        [
            *(sys.executable, "-m", "uvicorn", f"benchmarks.peers.{module}:app"),
            *(*options.split(), "--log-level", "warning", "--port", str(port)),
        ],
        {"BENCHMARK_DATABASE_URL": dataset.urls.app},
        port,
        moves=moves,
    )


@contextmanager
def running(contender: Contender, folder: Path) -> Iterator[Running]:
    """Start a server and yield it once it listens; stop it at the end."""
    log = folder / f"{contender.port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            contender.command,
            cwd=_ROOT,
            env={**os.environ, **contender.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_it_listens(process, contender.port, log)
        yield Running(contender, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} did not start:\n{log.read_text()}")
