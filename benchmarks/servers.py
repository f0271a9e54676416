"""The servers under test: each one worker process, on loopback, stopped by its own pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from benchmarks.dataset import SECRET, Dataset, Tenant
from benchmarks.processes import Memory, cpu_seconds, memory_of_worker
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

_ROOT: Final = Path(__file__).parents[1]
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0

UNREACHED: Final = 1_000_000_000
"""A quota that is counted, and that no load here uses up."""

NAIVE: Final = "naive"
RAW: Final = "raw ASGI"
DJANGO: Final = "Django REST"
TEMPLATE: Final = "FastAPI template"
SOKHO: Final = "Sokho"
SOKHO_LOGGING: Final = "Sokho, request log on"

_CONNECTIONS: Final = 10
"""What each server may have open to PostgreSQL; Sokho's own default."""


@dataclass(frozen=True)
class Contender:
    """A server, and how it wants to be told the tenant."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    credentials_by: Literal["header", "key", "jwt"] = "header"
    """What it believes: a header with the tenant, or what it has to verify."""
    paging: Literal["after", "link", "next", "skip"] = "after"
    """How the next page is asked for: by the last id, by what the answer says, by an offset."""
    lacks: frozenset[str] = frozenset()
    """The operations that it does not have."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def credentials(self, tenant: Tenant) -> tuple[str, str]:
        """Return the header that stands for a tenant."""
        match self.credentials_by:
            case "key":
                return "Authorization", f"Bearer {tenant.api_key}"
            case "jwt":
                import jwt  # the peers' own dependency, which `make bench` installs

                token = jwt.encode({"sub": str(tenant.id)}, SECRET, algorithm="HS256")
                return "Authorization", f"Bearer {token}"
        return "X-Tenant-Id", str(tenant.id)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    contender: Contender
    pid: int

    def cpu_seconds(self) -> float | None:
        """Return the CPU time that its processes have taken so far, where the system tells."""
        return cpu_seconds(self.pid)

    def memory(self) -> Memory | None:
        """Return the memory of its worker, where the system tells."""
        return memory_of_worker(self.pid)


def sokho(
    name: str,
    dataset: Dataset,
    *,
    log_level: str = "warning",
    command: Sequence[str] = (str(Path(sys.executable).with_name("sokho")),),
    urls: DatabaseUrls | None = None,
    environment: Mapping[str, str] | None = None,
    lacks: frozenset[str] = frozenset(),
) -> Contender:
    """Return ``sokho serve`` as it runs in production, or as another `command` runs it.

    It serves the database of the dataset, or the one at `urls`.
    """
    port = free_port()
    return Contender(
        name,
        [*command, "serve"],
        {
            "SOKHO_DATABASE_URL": (urls or dataset.urls).app,
            "SOKHO_SECRET": SECRET,
            "SOKHO_PORT": str(port),
            "SOKHO_LOG_LEVEL": log_level,
            "SOKHO_REQUESTS_PER_MINUTE": str(UNREACHED),
            **(environment or {}),
        },
        port,
        credentials_by="key",
        paging="link",
        lacks=lacks,
    )


def on_uvicorn(
    name: str,
    module: str,
    dataset: Dataset,
    **how: Any,
) -> Contender:
    """Return a peer that is an ASGI application, on one worker of uvicorn.

    `how` it is spoken to: as a `Contender` says it.
    """
    port = free_port()
    options = "--loop uvloop --http httptools --no-access-log --no-server-header"
    return Contender(
        name,
        [
            *(sys.executable, "-m", "uvicorn", f"benchmarks.peers.{module}:app"),
            *(*options.split(), "--log-level", "warning", "--port", str(port)),
        ],
        _told(dataset),
        port,
        **how,
    )


def on_gunicorn(name: str, module: str, dataset: Dataset, **how: Any) -> Contender:
    """Return a peer that is a WSGI application, on one worker of gunicorn with threads.

    Each thread keeps a connection of its own. `how` it is spoken to: as a `Contender` says it.
    """
    port = free_port()
    options = f"--workers 1 --threads {_CONNECTIONS} --keep-alive 60 --log-level warning"
    return Contender(
        name,
        [
            *(sys.executable, "-m", "gunicorn", f"benchmarks.peers.{module}:application"),
            *(*options.split(), "--bind", f"127.0.0.1:{port}"),
        ],
        _told(dataset),
        port,
        **how,
    )


def _told(dataset: Dataset) -> dict[str, str]:
    return {
        "BENCHMARK_DATABASE_URL": dataset.urls.app,
        "BENCHMARK_POOL_SIZE": str(_CONNECTIONS),
        "BENCHMARK_SECRET": SECRET,
    }


def free_port() -> int:
    """Return a port on loopback that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(contender: Contender, folder: Path) -> Iterator[Running]:
    """Start a server and yield it once it answers; stop it at the end."""
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
        _wait_until_it_answers(process, contender.port, log)
        yield Running(contender, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        # Whatever it says: one that listens already may still be checking its database.
        connection = HTTPConnection("127.0.0.1", port, timeout=_READY_SECONDS)
        with suppress(OSError, HTTPException), closing(connection):
            connection.request("GET", "/livez", headers={"X-Tenant-Id": str(UUID(int=0))})
            connection.getresponse()
            return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} did not start:\n{log.read_text()}")
