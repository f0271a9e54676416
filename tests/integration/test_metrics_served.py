"""Metrics of several workers, as Prometheus gets them from ``sokho serve``."""

import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from tests.integration.command_line import Cli
from tests.integration.test_serving import Service, until

LIVEZ = 'sokho_http_request_duration_seconds_count{method="GET",route="/livez",status="200"}'
LIMIT = "sokho_database_connections_limit"
OF_EACH = 3


class Metered(Service):
    """A service with two workers that counts, in a folder for temporary files of its own."""

    def __init__(self, folder: Path) -> None:
        self._temporary = folder / "tmp"
        super().__init__(
            folder,
            *("--workers", "2"),
            SOKHO_METRICS_PORT="0",
            SOKHO_POOL_SIZE=str(OF_EACH),
            TMPDIR=str(self._temporary),
        )

    def figures(self) -> dict[str, float]:
        """Return what Prometheus would get, by name and labels."""
        found = re.search(r"http://\S+/metrics", self.printed)
        assert found is not None
        answer = httpx2.get(found[0]).raise_for_status()
        assert answer.headers["content-type"].startswith("text/plain")
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def folders(self) -> list[Path]:
        return list(self._temporary.glob("sokho-metrics-*"))

    def workers(self) -> set[int]:
        """Return the processes that have written states."""
        (folder,) = self.folders()
        return {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_livesum_*.db")}

    def call(self, times: int) -> None:
        for _ in range(times):  # a connection each, so that both workers get some
            assert httpx2.get(self.http.base_url.join("/livez")).status_code == 200


@pytest.fixture(scope="module")
def service() -> Iterator[Metered]:
    with tempfile.TemporaryDirectory(prefix="sokho-metered-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "tmp").mkdir()
        with Metered(folder) as service:
            yield service
        assert service.folders() == []


def limit_as_the_library_alone_tells(folder: Path) -> float | None:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return registry.get_sample_value(LIMIT)


class TestServedMetrics:
    """In order: the service is started once, and the third test kills one of its workers."""

    def test_add_up_the_workers(self, service: Metered):
        before = service.figures().get(LIVEZ, 0)
        service.call(40)
        until(lambda: service.figures()[LIVEZ] == before + 40)
        until(lambda: service.figures()[LIMIT] == 2 * OF_EACH)

    def test_lie_in_a_folder_of_their_owner_alone(self, service: Metered):
        (folder,) = service.folders()
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_outlive_a_worker_that_is_killed(self, service: Metered):
        told = service.figures()[LIVEZ]
        service.call(20)
        until(lambda: service.figures()[LIVEZ] == told + 20)
        before = service.figures()
        killed = min(service.workers())
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(service.workers()) == 3)  # the successor has written
        (folder,) = service.folders()
        until(lambda: limit_as_the_library_alone_tells(folder) == 3 * OF_EACH)
        after = service.figures()
        assert after[LIMIT] == 2 * OF_EACH
        assert killed not in service.workers()
        assert after[LIVEZ] == before[LIVEZ]
        service.call(20)
        until(lambda: service.figures()[LIVEZ] == before[LIVEZ] + 20)

    def test_never_fall_but_for_states(self, service: Metered):
        before = service.figures()
        service.call(5)
        after = service.figures()
        counters = [name for name in before if re.match(r"\w+_(total|count|sum|bucket)", name)]
        assert len(counters) > 10
        assert all(after[name] >= before[name] for name in counters)


class TestAddress:
    def test_that_is_taken_is_told_before_anything_starts(self, tmp_path: Path):
        cli = Cli(SOKHO_DATA_DIR=str(tmp_path), SOKHO_LANG="en")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            answer = cli.process("serve", "--port", "0", SOKHO_METRICS_PORT=str(port))
        assert answer.returncode == 1
        assert str(port) in answer.stderr
        assert "SOKHO_METRICS_PORT" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert list(tmp_path.iterdir()) == []
