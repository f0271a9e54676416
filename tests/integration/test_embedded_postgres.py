"""The embedded PostgreSQL, started, shared, killed and mended: real servers in own folders."""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.embedded_postgres import (
    DatabaseUrls,
    EmbeddedPostgres,
    binaries,
    cluster,
    server,
)
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser, server_user

IS_ROOT = os.geteuid() == 0
NAMELESS = 54321
HAS_PROC = Path("/proc/self/cmdline").exists()

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can act as other users")
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="looks into /proc")

# Calls the method of EmbeddedPostgres that each line of its input names.
OTHER_PROCESS = """
import sys
from pathlib import Path
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres

postgres = EmbeddedPostgres(Path(sys.argv[1]))
for line in sys.stdin:
    getattr(postgres, line.strip())()
    print("done", flush=True)
"""


class OtherProcess:
    """Another process that uses the embedded PostgreSQL of a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def call(self, line: str) -> str:
        self.send(line)
        return self.answer()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to its process group, as a terminal does; returns how it ended."""
        os.killpg(self.process.pid, number)
        return self.end()

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


def servers_in(folder: Path) -> list[int]:
    """Return the pids of PostgreSQL's programs that have `folder` in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program, *arguments = os.fsdecode((process / "cmdline").read_bytes()).split("\0")
            of_postgres = Path(program).name in {"postgres", "initdb", "pg_ctl"}
            if of_postgres and any(str(folder) in argument for argument in arguments):
                found.append(int(process.name))
    return found


@contextmanager
def bystander(user: ServerUser) -> Iterator[int]:
    """Run a process that has nothing to do with PostgreSQL as its user; it must survive."""
    process = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=user.uid if user.is_other else None,
        group=user.gid if user.is_other else None,
        extra_groups=[] if user.is_other else None,
    )
    yield process.pid
    assert process.poll() is None
    process.kill()
    process.wait()


def wait_until(condition: Callable[[], Any], seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def query(url: str, *statements: str, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url, **options)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def pid_of(postgres: EmbeddedPostgres) -> int:
    pid = postgres.status().pid
    assert pid is not None
    return pid


def refusal(call: Callable[[], object]) -> str:
    """Return the English sentence that `call` is refused with; there is a Vietnamese one too."""
    with pytest.raises(OperatorError) as caught:
        call()
    text = caught.value.text
    assert text.vi != text.en
    assert not {"{", "}", "\n"} & set(text.vi + text.en)
    return text.en


def new_folder() -> Path:
    """Make a folder that any user may enter, since root's server runs as another."""
    made = Path(os.path.realpath(tempfile.mkdtemp(prefix="sokho-test-")))
    made.chmod(0o711)
    return made


def stop_whatever_runs_in(folder: Path) -> None:
    for pid in servers_in(folder):
        os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not servers_in(folder))


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder."""
    made = new_folder()
    yield made
    stop_whatever_runs_in(made)
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A data folder with a cluster, made once."""
    made = new_folder()
    postgres = EmbeddedPostgres(made / "data")
    postgres.start()
    postgres.stop()
    yield made / "data"
    shutil.rmtree(made)


@pytest.fixture
def data_dir(initialised: Path) -> Iterator[Path]:
    """The same data folder for all tests that leave it as it was, with an empty log."""
    (initialised / "postgres.log").write_text("")
    yield initialised
    stop_whatever_runs_in(initialised)
    (initialised / "keep-running").unlink(missing_ok=True)


def copy_of(initialised: Path, target: Path) -> Path:
    subprocess.run(["cp", "-Rp", initialised, target], check=True)
    return target


class TestFirstStart:
    def test_makes_a_durable_database_in_utf8(self, folder: Path) -> None:
        postgres = EmbeddedPostgres(folder / "new" / "data")
        assert not postgres.status().is_running
        assert list(folder.iterdir()) == []
        urls = postgres.start()
        settings = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        assert query(urls.admin, *(f"SHOW {name}" for name in settings)) == ["on"] * 4
        assert query(
            urls.admin,
            "SELECT current_user",
            "SELECT current_database()",
            "SHOW server_encoding",
            "SELECT datctype FROM pg_database WHERE datname = current_database()",
            "SELECT upper('ơ')",
            "SHOW TimeZone",
        ) == ["sokho_admin", "sokho", "UTF8", "C.UTF-8", "Ơ", "UTC"]
        assert stat.S_IMODE((folder / "new/data/postgres").stat().st_mode) == 0o700
        postgres.stop()
        assert not postgres.status().is_running
        assert postgres.status().version == "18"

    def test_killed_on_the_way_leaves_nothing_that_blocks_the_next(self, folder: Path) -> None:
        other = OtherProcess(folder / "data")
        other.send("start")
        wait_until(lambda: list(folder.glob("data/making-*/cluster/base/1")))
        assert other.signal(signal.SIGKILL) == -signal.SIGKILL
        assert list(folder.glob("data/making-*"))
        assert not (folder / "data/postgres").exists()

        postgres = EmbeddedPostgres(folder / "data")
        assert query(postgres.start().admin, "SELECT 1") == [1]
        wait_until(lambda: len(servers_in(folder)) == 1)
        postgres.stop()
        postgres.start()
        assert not list(folder.glob("data/making-*"))
        postgres.stop()

    def test_by_several_processes_at_once_makes_one_server(self, folder: Path) -> None:
        others = [OtherProcess(folder) for _ in range(3)]
        for other in others:
            other.send("start")
        assert [other.answer() for other in others] == ["done"] * 3
        assert len(list(folder.glob("**/postmaster.pid"))) == 1
        for left, other in enumerate(others, start=1):
            assert EmbeddedPostgres(folder).status().is_running
            assert other.call("stop") == "done"
            assert EmbeddedPostgres(folder).status().is_running == (left < len(others))
            other.end()

    def test_falls_back_when_the_c_library_lacks_the_locale(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster, "_LOCALES", ("xx_XX.UTF-8", "C"))
        postgres = EmbeddedPostgres(folder)
        assert query(postgres.start().admin, "SHOW server_encoding", "SHOW lc_time") == [
            "UTF8",
            "C",
        ]
        postgres.stop()


class TestStart:
    def test_of_an_existing_cluster_takes_less_than_a_second(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        begin = time.monotonic()
        postgres.start()
        assert time.monotonic() - begin < 1
        assert query(postgres.start().admin, "SELECT 1") == [1]
        postgres.stop()

    def test_twice_is_one_use(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        first, pid = postgres.start(), pid_of(postgres)
        assert postgres.start() == first
        assert pid_of(postgres) == pid
        postgres.stop()
        assert not postgres.status().is_running
        postgres.stop()

    def test_opens_no_port_and_cannot_be_made_to(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(
            data_dir, settings={"fsync": "off", "listen_addresses": "127.0.0.1"}
        )
        urls = postgres.start()
        assert query(urls.admin, "SHOW listen_addresses", "SHOW fsync") == ["", "off"]
        postgres.stop()

    def test_refused_by_the_server_tells_its_reason_and_leaves_nothing(
        self, data_dir: Path
    ) -> None:
        wrong = EmbeddedPostgres(data_dir, settings={"shared_buffers": "much"})
        assert 'invalid value for parameter "shared_buffers"' in refusal(wrong.start)
        assert not wrong.status().is_in_use
        postgres = EmbeddedPostgres(data_dir)
        assert query(postgres.start().admin, "SELECT 1") == [1]
        postgres.stop()

    @pytest.mark.parametrize(
        "name",
        ["kho hàng, 'số' $HOME \"x\" `id` 1%", "d" * 100],
        ids=["odd", "long"],
    )
    def test_in_a_folder_whose_name_no_socket_can_have(
        self, folder: Path, initialised: Path, name: str
    ) -> None:
        data_dir = copy_of(initialised, folder / name)
        postgres = EmbeddedPostgres(data_dir)
        urls = postgres.start()
        socket_dir = postgres.status().socket_dir
        assert socket_dir is not None
        assert data_dir not in socket_dir.parents
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert query(urls.admin, "SELECT 1") == [1]
        postgres.stop()

        socket_dir.rmdir()  # as the system does when it starts
        assert postgres.start() == urls
        postgres.stop()

        socket_dir.chmod(0o755)
        assert str(socket_dir) in refusal(postgres.start)
        socket_dir.rmdir()
        socket_dir.symlink_to(folder)
        assert str(socket_dir) in refusal(postgres.start)
        socket_dir.unlink()
        socket_dir.touch()
        assert str(socket_dir) in refusal(postgres.start)
        socket_dir.unlink()

    @needs_root
    def test_refuses_a_socket_folder_of_somebody_else(
        self, folder: Path, initialised: Path
    ) -> None:
        postgres = EmbeddedPostgres(copy_of(initialised, folder / ("d" * 100)))
        postgres.start()
        socket_dir = postgres.status().socket_dir
        assert socket_dir is not None
        postgres.stop()
        os.chown(socket_dir, NAMELESS, NAMELESS)
        assert str(socket_dir) in refusal(postgres.start)
        socket_dir.rmdir()

    def test_short_names_keep_the_socket_in_the_data_folder(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        postgres.start()
        assert postgres.status().socket_dir == data_dir / "socket"
        postgres.stop()

    @needs_proc
    def test_gives_the_server_neither_locks_nor_terminal_nor_environment(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SOKHO_SECRET", "canary")
        postgres = EmbeddedPostgres(data_dir)
        postgres.start()
        pid = pid_of(postgres)

        def open_locks(process: int | str) -> list[str]:
            links = Path(f"/proc/{process}/fd").iterdir()
            targets = [os.path.realpath(link) for link in links]
            return [target for target in targets if target.endswith(".lock")]

        # The negative side: this process does hold a lock and may hold a canary.
        assert open_locks("self")
        assert not [lock for lock in open_locks(pid) if "s.PGSQL" not in lock]
        assert os.getsid(pid) == pid != os.getsid(0)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"LC_ALL=C" in environment
        assert b"canary" not in environment
        postgres.stop()


class TestAuthentication:
    def test_is_by_password_for_everybody(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        urls = postgres.start()
        role, password = "sokho_app", urls.app.split(":")[2].split("@")[0]
        query(
            urls.admin,
            f"CREATE ROLE {role} LOGIN PASSWORD '{password}'",
        )
        assert query(urls.app, "SELECT current_user") == [role]
        for url in (urls.app, urls.admin):
            for wrong in ("wrong", ""):
                with pytest.raises(asyncpg.InvalidPasswordError):
                    query(url, "SELECT 1", password=wrong)
        lines = (data_dir / "postgres/pg_hba.conf").read_text().splitlines()
        methods = {line.split()[-1] for line in lines if line and not line.startswith("#")}
        assert methods == {"scram-sha-256"}
        assert query(urls.admin, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")[
            0
        ].startswith("SCRAM-SHA-256$")
        postgres.stop()

    def test_passwords_differ_and_are_readable_by_their_owner_alone(self, data_dir: Path) -> None:
        saved = data_dir / "credentials.json"
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        assert saved.stat().st_uid == os.geteuid()
        passwords = json.loads(saved.read_text())
        assert set(passwords) == {"sokho_app", "sokho_worker", "sokho_admin"}
        assert len(set(passwords.values())) == 3
        assert min(len(password) for password in passwords.values()) >= 32
        assert stat.S_IMODE((data_dir / "postgres.log").stat().st_mode) == 0o600

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
    def test_refuses_to_start_without_its_passwords(
        self, folder: Path, initialised: Path, damage: Callable[[Path], object]
    ) -> None:
        data_dir = copy_of(initialised, folder / "data")
        damage(data_dir / "credentials.json")
        assert "credentials.json" in refusal(EmbeddedPostgres(data_dir).start)
        assert not EmbeddedPostgres(data_dir).status().is_running


class TestSharing:
    def test_the_last_to_leave_stops_the_server(self, data_dir: Path) -> None:
        here, other = EmbeddedPostgres(data_dir), OtherProcess(data_dir)
        here.start()
        pid = pid_of(here)
        assert other.call("start") == "done"
        assert pid_of(here) == pid
        assert here.status().is_in_use
        here.stop()
        assert pid_of(here) == pid
        assert other.call("stop") == "done"
        assert not here.status().is_running
        assert not here.status().is_in_use
        other.end()

    def test_a_killed_user_leaves_the_server_to_the_next(self, data_dir: Path) -> None:
        other = OtherProcess(data_dir)
        assert other.call("start") == "done"
        here = EmbeddedPostgres(data_dir)
        pid = pid_of(here)
        assert other.signal(signal.SIGKILL) == -signal.SIGKILL
        assert pid_of(here) == pid
        assert not here.status().is_in_use
        here.start()
        assert pid_of(here) == pid
        here.stop()
        assert not here.status().is_running

    def test_ctrl_c_in_the_terminal_does_not_reach_the_server(self, data_dir: Path) -> None:
        other = OtherProcess(data_dir)
        assert other.call("start") == "done"
        here = EmbeddedPostgres(data_dir)
        urls, pid = here.start(), pid_of(here)
        assert other.signal(signal.SIGINT) == -signal.SIGINT
        assert query(urls.admin, "SELECT 1") == [1]
        assert pid_of(here) == pid
        here.stop()

    def test_a_kept_server_stays_until_it_is_shut_down(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        postgres.start(keep_running=True)
        postgres.stop()
        assert postgres.status().is_running
        assert postgres.status().is_kept_running
        postgres.start()
        postgres.stop()
        assert postgres.status().is_running
        postgres.shutdown()
        assert not postgres.status().is_running
        assert not postgres.status().is_kept_running
        postgres.start()
        postgres.stop()
        assert not postgres.status().is_running

    def test_shutdown_is_refused_while_another_process_uses_it(self, data_dir: Path) -> None:
        other, here = OtherProcess(data_dir), EmbeddedPostgres(data_dir)
        assert other.call("start") == "done"
        assert "in use" in refusal(here.shutdown)
        assert here.status().is_running
        other.signal(signal.SIGKILL)
        here.shutdown()
        assert not here.status().is_running

    def test_shutdown_of_nothing_makes_nothing(self, folder: Path) -> None:
        EmbeddedPostgres(folder / "data").shutdown()
        assert list(folder.iterdir()) == []


class TestCrash:
    def test_of_the_server_is_mended_and_loses_nothing(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        urls, pid = postgres.start(), pid_of(postgres)
        query(urls.admin, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 42 AS answer")
        assert not postgres.ensure_running()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not postgres.status().is_running)
        assert postgres.ensure_running()
        assert pid_of(postgres) != pid
        assert query(urls.admin, "SELECT answer FROM kept") == [42]
        assert not postgres.ensure_running()
        postgres.stop()
        assert not postgres.ensure_running()
        assert not postgres.status().is_running

    def test_of_the_server_is_mended_by_the_next_start(self, data_dir: Path) -> None:
        other, here = OtherProcess(data_dir), EmbeddedPostgres(data_dir)
        assert other.call("start") == "done"
        pid = pid_of(here)
        os.kill(pid, signal.SIGKILL)
        other.signal(signal.SIGKILL)
        assert (data_dir / "postgres/postmaster.pid").exists()
        assert query(here.start().admin, "SELECT 1") == [1]
        assert pid_of(here) != pid
        here.stop()

    def test_waits_for_sessions_of_the_dead_server(self, data_dir: Path) -> None:
        postgres = EmbeddedPostgres(data_dir)
        urls = postgres.start()
        busy = threading.Thread(target=self.be_busy, args=(urls,))
        busy.start()
        counting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT sum%'"
        wait_until(lambda: query(urls.admin, counting) == [1])
        os.kill(pid_of(postgres), signal.SIGKILL)
        wait_until(lambda: not postgres.status().is_running)
        assert postgres.ensure_running()
        assert query(urls.admin, "SELECT 1") == [1]
        log = (data_dir / "postgres.log").read_text()
        assert "pre-existing shared memory block" in log
        busy.join()
        postgres.stop()

    @staticmethod
    def be_busy(urls: DatabaseUrls) -> None:
        with suppress(asyncpg.PostgresError, OSError):
            query(urls.admin, "SELECT sum(n % 7) FROM generate_series(1, 6000000) n")

    @needs_proc
    def test_a_pid_that_another_process_has_by_now_is_let_alone(self, data_dir: Path) -> None:
        postgres, user = EmbeddedPostgres(data_dir), server_user()
        postgres.start()
        pid_file = data_dir / "postgres/postmaster.pid"
        socket_lock = data_dir / "socket/.s.PGSQL.5432.lock"
        lines = pid_file.read_text().split("\n")
        postgres.stop()
        with bystander(user) as pid:
            for path in (pid_file, socket_lock):
                path.write_text("\n".join([str(pid), *lines[1:]]))
                os.chown(path, user.uid, user.gid)
                path.chmod(0o600)
            # The negative side: PostgreSQL left to itself refuses.
            programs = binaries.find_binaries(user).folder
            alone = user.run(programs / "postgres", "-D", data_dir / "postgres")
            assert alone.returncode == 1
            assert "already exists" in alone.stdout

            postgres.shutdown()
            assert not postgres.status().is_running
            assert query(postgres.start().admin, "SELECT 1") == [1]
            assert pid_of(postgres) != pid
            postgres.stop()

    def test_an_empty_pid_file_does_not_block(self, data_dir: Path) -> None:
        (data_dir / "postgres/postmaster.pid").touch()
        postgres = EmbeddedPostgres(data_dir)
        assert query(postgres.start().admin, "SELECT 1") == [1]
        postgres.stop()

    @needs_proc
    def test_a_server_out_of_sight_is_neither_doubled_nor_stopped(self, data_dir: Path) -> None:
        (data_dir / "socket").mkdir(mode=0o700, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(str(data_dir / "socket/.s.PGSQL.5432"))
            stranger.listen()
            assert "cannot be seen" in refusal(EmbeddedPostgres(data_dir).start)
        (data_dir / "socket/.s.PGSQL.5432").unlink()

    def test_without_proc_a_server_is_known_by_its_socket(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_PROC", Path("/nowhere"))
        postgres = EmbeddedPostgres(data_dir)
        urls, pid = postgres.start(), pid_of(postgres)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not postgres.status().is_running)
        assert postgres.ensure_running()
        assert query(urls.admin, "SELECT 1") == [1]
        postgres.stop()
        assert not postgres.status().is_running


class TestStop:
    def test_presses_harder_when_a_fast_shutdown_takes_too_long(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_FAST_SHUTDOWN_SECONDS", 0.2)
        postgres = EmbeddedPostgres(data_dir)
        postgres.start()
        pid = pid_of(postgres)
        os.kill(pid, signal.SIGSTOP)
        waker = threading.Timer(0.5, os.kill, (pid, signal.SIGCONT))
        waker.start()
        postgres.stop()
        waker.join()
        assert not postgres.status().is_running
        assert "received immediate shutdown request" in (data_dir / "postgres.log").read_text()

    def test_never_kills_and_says_so(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "_FAST_SHUTDOWN_SECONDS", 0.1)
        monkeypatch.setattr(server, "_IMMEDIATE_SHUTDOWN_SECONDS", 0.1)
        postgres = EmbeddedPostgres(data_dir)
        postgres.start()
        pid = pid_of(postgres)
        os.kill(pid, signal.SIGSTOP)
        assert str(pid) in refusal(postgres.stop)
        assert postgres.status().is_running
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not postgres.status().is_running)
