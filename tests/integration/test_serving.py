"""``sokho serve`` on the embedded database: started, used, killed and stopped for real."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx2
import pytest

from sokho.cli.serving import _listening
from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from tests.conftest import SECRET
from tests.integration.command_line import SOKHO, Cli

_PATIENCE_SECONDS = 30.0

_UNCHECKED = """
import sokho.cli.serving

async def unchecked(_):
    pass

sokho.cli.serving.refuse_unless_sealed = unchecked
sokho.cli.main()
"""


class Service:
    """A running ``sokho serve --demo`` and what it printed."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        command: tuple[str, ...] = (str(SOKHO), "serve", "--demo"),
        **environment: str,
    ) -> None:
        self._environment = {
            **os.environ,
            "SOKHO_DATA_DIR": str(folder),
            "SOKHO_PORT": "0",
            "SOKHO_LANG": "en",
            "SOKHO_DRAIN_SECONDS": "0",
            **environment,
        }
        self._command = (*command, *arguments)
        self._log = folder / "stderr.txt"

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.printed = ""
        for line in self.process.stdout:
            self.printed += line
            if "Ctrl-C" in line:
                break
        assert "Ctrl-C" in self.printed, self._log.read_text()
        found = re.search(r"http://\S+", self.printed)
        assert found is not None
        first, *_ = [*self.keys, "none: no demo was asked for"]
        self.http = httpx2.Client(base_url=found[0], headers={"Authorization": f"Bearer {first}"})
        self.until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def keys(self) -> list[str]:
        return re.findall(r"api_key\s+(\S+)", self.printed)

    def until_ready(self) -> None:
        until(lambda: self.http.get("/readyz").status_code == 200)

    def stop(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(_PATIENCE_SECONDS)


def until(condition: object) -> None:
    """Wait for what another process is about to do."""
    assert callable(condition)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if condition():
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sokho-serve-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def cli(folder: Path) -> Cli:
    return Cli(SOKHO_DATA_DIR=str(folder), SOKHO_LANG="en")


def postmaster(folder: Path) -> int | None:
    return EmbeddedPostgres(folder).status().pid


class TestServe:
    """In order: the folder is made by the first and used by all."""

    def test_a_stranger_gets_two_businesses_and_a_call_to_paste(self, folder: Path):
        with Service(folder) as service:
            assert "/docs" in service.printed
            assert len(service.keys) == 2
            pasted = re.search(r"curl .*'(http\S+)'", service.printed)
            assert pasted is not None
            assert len(service.http.get(pasted[1]).json()) == 3
            created = service.http.post("/v1/items", json={"sku": "KEPT", "name": "Giữ lại"})
            assert created.status_code == 201
            stranger = {"Authorization": f"Bearer {service.keys[1]}"}
            location = created.headers["location"]
            assert service.http.get(location).status_code == 200
            assert service.http.get(location, headers=stranger).status_code == 404
            assert service.stop(signal.SIGINT) == 0
        assert postmaster(folder) is None

    def test_data_and_keys_survive_a_restart(self, folder: Path):
        with Service(folder) as service:
            assert len(service.http.get("/v1/items?sku=kept").json()) == 1
            assert service.stop(signal.SIGTERM) == 0

    def test_it_serves_with_several_workers(self, folder: Path):
        with Service(folder, "--workers", "2") as service:
            for _ in range(10):
                assert service.http.get("/v1/items?limit=1").status_code == 200
            assert service.stop(signal.SIGTERM) == 0
        assert postmaster(folder) is None

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_a_service_that_stops_says_so_and_serves_on_for_a_while(
        self, folder: Path, workers: str
    ):
        with Service(folder, "--workers", workers, SOKHO_DRAIN_SECONDS="3") as service:
            service.process.send_signal(signal.SIGTERM)
            answers = [service.http.get("/readyz")]  # the workers are told one after the other
            while answers[-1].status_code == 200:
                answers.append(service.http.get("/readyz"))
            answer = answers[-1]
            assert answer.json()["code"] == "temporarily_overloaded"
            assert answer.headers["connection"] == "close"
            assert service.http.get("/livez").status_code == 200
            assert service.http.get("/v1/items?limit=1").status_code == 200
            assert service.process.wait(_PATIENCE_SECONDS) == 0

    def test_only_the_demo_does_not_count_requests_and_only_unless_that_is_set(self, folder: Path):
        with Service(folder) as demo:
            assert "ratelimit" not in demo.http.get("/v1/items?limit=1").headers
        with Service(folder, SOKHO_REQUESTS_PER_MINUTE="7") as limited:
            answer = limited.http.get("/v1/items?limit=1")
            assert answer.headers["ratelimit-policy"] == '"default";q=7;w=60'

    def test_more_connections_than_the_database_allows_are_told_before_it_serves(self, cli: Cli):
        answer = cli.process("serve", "--port", "0", "--workers", "8", SOKHO_POOL_SIZE="50")
        assert answer.returncode == 1
        for part in ("421 connections", "8 processes × 52", "SOKHO_POOL_SIZE", "SOKHO_WORKERS"):
            assert part in answer.stderr
        assert "Ctrl-C" not in answer.stdout

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_workers_that_cannot_start_end_it_and_the_log_says_why(
        self, urls: DatabaseUrls, workers: str
    ):
        """What the service checks beforehand is left out here: between the two it may change."""
        ended = subprocess.run(
            [sys.executable, "-c", _UNCHECKED, "serve", "--port", "0", "--workers", workers],
            env={
                **os.environ,
                "SOKHO_DATABASE_URL": urls.admin,
                "SOKHO_SECRET": SECRET,
                "SOKHO_LANG": "en",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
        assert ended.returncode == 1, ended.stderr
        assert "The service could not start" in ended.stderr
        assert "privileged_role" in ended.stderr
        assert "Traceback" not in ended.stderr, ended.stderr

    def test_a_killed_service_loses_nothing_and_the_next_takes_over(self, folder: Path):
        with Service(folder) as service:
            service.http.post("/v1/items", json={"sku": "BEFORE-KILL", "name": "x"})
            service.stop(signal.SIGKILL)
        with Service(folder) as service:
            assert len(service.http.get("/v1/items?sku=before-kill").json()) == 1
            assert service.stop(signal.SIGINT) == 0
        assert postmaster(folder) is None

    def test_a_killed_database_comes_back_under_the_service(self, folder: Path):
        with Service(folder) as service:
            service.http.post("/v1/items", json={"sku": "BEFORE-CRASH", "name": "x"})
            pid = postmaster(folder)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            statuses = set()

            def is_back() -> bool:
                status = service.http.get("/v1/items?sku=before-crash").status_code
                statuses.add(status)
                return status == 200 and postmaster(folder) not in {pid, None}

            until(is_back)
            assert statuses <= {200, 503}
            assert len(service.http.get("/v1/items?sku=before-crash").json()) == 1

    def test_a_taken_port_is_told_before_anything_starts(self, folder: Path, cli: Cli):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            answer = cli.process("serve", "--port", port)
        assert answer.returncode == 1
        assert port in answer.stderr
        assert "SOKHO_PORT" in answer.stderr
        assert postmaster(folder) is None

    def test_a_port_is_taken_as_soon_as_it_is_bound(self):
        """Bound alone, another process could bind it too, and one of them would serve nothing."""
        with _listening("127.0.0.1", 0) as first:
            port = first.getsockname()[1]
            with pytest.raises(OperatorError, match=str(port)), _listening("127.0.0.1", port):
                pass

    def test_a_second_service_shares_the_database(self, folder: Path):
        with Service(folder) as first, Service(folder) as second:
            assert first.keys == second.keys
            assert first.stop(signal.SIGINT) == 0
            assert second.http.get("/v1/items?limit=1").status_code == 200
            assert second.stop(signal.SIGINT) == 0
        assert postmaster(folder) is None

    def test_commands_work_beside_a_running_service(self, folder: Path, cli: Cli):
        with Service(folder) as service:
            answer = cli.process("tenant", "create", "Hiệu sách", "--json")
            made = json.loads(answer.stdout)
            headers = {"Authorization": f"Bearer {made['api_key']}"}
            assert service.http.get("/v1/items", headers=headers).json() == []

    def test_the_database_can_be_kept_running(self, folder: Path, cli: Cli):
        assert cli.process("database", "start").returncode == 0
        assert cli.process("tenant", "list").returncode == 0
        assert postmaster(folder) is not None
        assert cli.process("database", "stop").returncode == 0
        assert postmaster(folder) is None
