"""Shared, killed, mended and stopped: real servers in folders of their own."""

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from sokho.core.infrastructure.embedded_postgres import (
    DatabaseUrls,
    EmbeddedPostgres,
    binaries,
    server,
)
from sokho.core.infrastructure.embedded_postgres.unprivileged import server_user
from tests.integration.embedded.servers import (
    OtherProcess,
    bystander,
    needs_proc,
    pid_of,
    query,
    refusal,
    wait_until,
)


class TestSharing:
    def test_the_last_to_leave_stops_the_server(self, data_dir: Path) -> None:
        here, other = EmbeddedPostgres(data_dir), OtherProcess(data_dir)
        here.start()
        pid = pid_of(here)
        assert other.call("start") == "done"
        assert pid_of(here) == pid
        if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
            assert os.sched_getscheduler(pid) == os.SCHED_BATCH  # as its sessions, then
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
