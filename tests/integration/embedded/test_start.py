"""Starting: the first time, again, and for whom."""

import json
import os
import re
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from sokho.core.infrastructure.embedded_postgres import (
    EmbeddedPostgres,
    cluster,
)
from tests.integration.embedded.servers import (
    NAMELESS,
    OtherProcess,
    copy_of,
    needs_proc,
    needs_root,
    pid_of,
    query,
    refusal,
    servers_in,
    wait_until,
)


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

    def test_is_sized_for_the_machine_and_then_the_operators_to_size(self, folder: Path) -> None:
        postgres = EmbeddedPostgres(folder)
        names = ["shared_buffers", "max_wal_size", "min_wal_size"]
        shown = query(postgres.start().admin, *(f"SHOW {name}" for name in names))
        postgres.stop()
        conf = folder / "postgres/postgresql.conf"
        written = re.findall(r"(\w+) = (\d+)MB", conf.read_text("utf-8").partition("by Sokho")[2])
        assert [name for name, _ in written] == names
        assert [_mebibytes(size) for size in shown] == [int(size) for _, size in written]

        with conf.open("a", encoding="utf-8") as settings:
            settings.write("shared_buffers = 96MB\n")
        assert query(EmbeddedPostgres(folder).start().admin, "SHOW shared_buffers") == ["96MB"]

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


def _mebibytes(size: str) -> int:
    return int(size[:-2]) * {"MB": 1, "GB": 1024}[size[-2:]]
