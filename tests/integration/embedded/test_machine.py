"""The embedded PostgreSQL on machines that are odd, poor or hostile: refused in a sentence."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from sokho.core.infrastructure.embedded_postgres import (
    EmbeddedPostgres,
    binaries,
    default_data_dir,
)
from sokho.core.infrastructure.embedded_postgres.server_log import ServerLog
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser, server_user
from tests.integration.embedded.servers import NAMELESS, needs_root, refusal

SYSTEM_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("1[5-7]"))

# Does what its arguments say, one after the other: a shell command after "!",
# else a method of EmbeddedPostgres. It becomes the other user after its imports,
# since that user may not be able to read the interpreter's library.
ONE_AFTER_THE_OTHER = """
import os, subprocess, sys
from pathlib import Path
from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres

folder, uid, *steps = sys.argv[1:]
if int(uid):
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
postgres = EmbeddedPostgres(Path(folder))
for step in steps:
    try:
        if step.startswith("!"):
            done = subprocess.run(step[1:], shell=True, capture_output=True, text=True)
            print(done.stdout.split())
        else:
            getattr(postgres, step)()
            print("done")
    except OperatorError as refusal:
        print("refused:", refusal.text.en)
"""


def in_other_process(
    folder: Path,
    *steps: str,
    uid: int = 0,
    prefix: tuple[str, ...] = (),
    search: str = os.environ["PATH"],
) -> list[str]:
    """Return what became of each step, one line each; a traceback fails the test."""
    # Another user could not write down which lines it ran.
    environment = {name: os.environ[name] for name in os.environ if "COV" not in name}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", ONE_AFTER_THE_OTHER, folder, str(uid), *steps],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"PATH": search, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that any user may enter."""
    made = Path(os.path.realpath(tempfile.mkdtemp(prefix="sokho-test-")))
    made.chmod(0o711)
    yield made
    for data_dir in {path.parent for path in made.rglob("start.lock")}:
        EmbeddedPostgres(data_dir).shutdown()
    shutil.rmtree(made)


@pytest.fixture
def others_folder(folder: Path) -> Path:
    """A folder that belongs to a user without a name, who can run the wheel's programs."""
    wheel = next(binaries._candidates(ServerUser(NAMELESS, NAMELESS), folder))
    if ServerUser(NAMELESS, NAMELESS, is_other=True).first_blocked(wheel) is not None:
        pytest.skip("the programs lie where another user cannot enter")
    made = folder / "theirs"
    made.mkdir(mode=0o700)
    os.chown(made, NAMELESS, NAMELESS)
    return made


class TestFolder:
    def test_below_a_file_or_being_one_is_refused(self, folder: Path) -> None:
        file = folder / "file"
        file.write_text("mine")
        for data_dir in (file, file / "data"):
            assert refusal(EmbeddedPostgres(data_dir).start) == (
                f"{file} is not a folder. Choose another data folder with SOKHO_DATA_DIR."
            )
            refused = EmbeddedPostgres(data_dir)
            assert not refused.status().is_running
            assert not refused.ensure_running()
            refused.stop()
            refused.shutdown()
        assert file.read_text() == "mine"
        assert list(folder.iterdir()) == [file]

    def test_of_system_files_is_refused(self) -> None:
        assert "/proc/sokho" in refusal(EmbeddedPostgres(Path("/proc/sokho")).start)

    @needs_root
    def test_that_may_not_be_written_is_refused(self, folder: Path, others_folder: Path) -> None:
        (folder / "mine").mkdir()
        (answer,) = in_other_process(folder / "mine/data", "start", uid=NAMELESS)
        assert answer.startswith(f"refused: Not permitted to read or write {folder}/mine/data")
        assert list((folder / "mine").iterdir()) == []
        assert others_folder.exists()

    @needs_root
    def test_out_of_reach_of_the_servers_user_is_refused_and_nothing_opened(
        self, folder: Path
    ) -> None:
        home, inner = folder / "home", folder / "home" / "inner"
        inner.mkdir(parents=True)
        inner.chmod(0o2775)
        existing = (Path("/"), folder.parent, folder, home, inner)
        postgres = EmbeddedPostgres(inner / "data")

        def owners_and_modes() -> list[tuple[int, int, int]]:
            return [(found.st_uid, found.st_gid, found.st_mode) for found in map(os.stat, existing)]

        home.chmod(0o700)
        before = owners_and_modes()
        assert f"cannot enter {home} on the way" in refusal(postgres.start)
        assert owners_and_modes() == before
        assert list(inner.iterdir()) == []

        home.chmod(0o711)
        before = owners_and_modes()
        postgres.start()
        postgres.stop()
        assert owners_and_modes() == before

    def test_default_depends_on_the_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert default_data_dir() == Path("/var/lib/sokho/data")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert default_data_dir() == Path.cwd() / ".sokho"


class TestFullDisk:
    @needs_root
    @pytest.mark.skipif(
        not works("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
        reason="cannot mount a small disk here",
    )
    def test_is_refused_and_free_space_mends_it(self, folder: Path) -> None:
        data_dir = folder / "data"
        answers = in_other_process(
            data_dir,
            "start",
            f"!ls {data_dir}",
            f"!mount -o remount,size=300m {folder}",
            "start",
            "stop",
            # Now the disk fills up around an existing cluster, and its log.
            f"!head -c 300m /dev/zero > {folder}/filler; rm {data_dir}/postgres.log",
            "start",
            f"!rm {folder}/filler",
            "start",
            "stop",
            prefix=(
                *("unshare", "-m", "sh", "-c"),
                f'mount -t tmpfs -o size=20m,mode=711 tmpfs {folder} && exec "$@"',
                "sh",
            ),
        )
        disk_full = (
            f"refused: The disk that holds {data_dir} is full (or over quota). "
            "Free some space and try again."
        )
        assert answers == [
            disk_full,
            "['credentials.json', 'start.lock', 'users.lock']",
            "[]",
            "done",
            "done",
            "[]",
            disk_full,
            "[]",
            "done",
            "done",
        ]


class TestUser:
    @needs_root
    def test_is_never_root_and_never_another_than_before(self, folder: Path) -> None:
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        assert (folder / "postgres").stat().st_uid == nobody
        assert Path(f"/proc/{postgres.status().pid}").stat().st_uid == nobody
        postgres.stop()
        os.chown(folder / "postgres", NAMELESS, NAMELESS)
        assert f"belongs to user number {NAMELESS}" in refusal(postgres.start)

    def test_is_ourselves_unless_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("daemon").pw_uid)
        assert not server_user().is_other
        assert server_user().uid == pwd.getpwnam("daemon").pw_uid

    @needs_root
    def test_root_without_anybody_to_run_it_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody(name: str) -> None:
            raise KeyError(name)

        monkeypatch.setattr(pwd, "getpwnam", nobody)
        assert "no user “nobody”" in refusal(EmbeddedPostgres(folder / "data").start)
        assert list(folder.iterdir()) == []

    @needs_root
    @pytest.mark.skipif(
        not works("setpriv", "--bounding-set", "-setuid", "true"), reason="no setpriv"
    )
    def test_root_that_may_not_become_another_is_refused(self, folder: Path) -> None:
        powerless = ("setpriv", "--bounding-set", "-setuid,-setgid")
        (answer,) = in_other_process(folder / "data", "start", prefix=powerless)
        assert answer.startswith("refused: root may not run programs as the user “nobody”")
        assert list(folder.iterdir()) == []

    @needs_root
    @pytest.mark.skipif(
        not works("unshare", "--user", "--map-user=nobody", "true"), reason="no user namespaces"
    )
    def test_without_a_name_gets_one_for_initdb(self, others_folder: Path) -> None:
        answers = in_other_process(
            others_folder / "data", "start", "stop", "start", "stop", uid=NAMELESS
        )
        assert answers == ["done"] * 4
        assert {path.stat().st_uid for path in others_folder.rglob("*")} == {NAMELESS}

    @needs_root
    def test_without_a_name_is_refused_where_none_can_be_lent(self, others_folder: Path) -> None:
        (answer,) = in_other_process(others_folder / "data", "start", uid=NAMELESS, search="")
        assert answer.startswith(f"refused: User number {NAMELESS} has no name in /etc/passwd")
        assert list(others_folder.iterdir()) == []


class TestBinaries:
    def test_none_found_says_what_to_do(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.hide_wheel(monkeypatch)
        monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", folder)
        monkeypatch.setenv("PATH", "")
        message = refusal(EmbeddedPostgres(folder / "data").start)
        assert "pip install 'sokho[embedded]'" in message
        assert not (folder / "data/postgres").exists()

    def test_of_an_unsupported_version_or_broken_are_passed_over(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.hide_wheel(monkeypatch)
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", folder)
        for major, version in (
            ("9", "9.6.24"),
            ("19", "19beta1"),
            ("15", "15.2"),
            ("16", "16.4"),
            ("17", ""),
        ):
            programs = folder / major / "bin"
            programs.mkdir(parents=True)
            for name in ("initdb", "pg_ctl", "postgres"):
                (programs / name).write_text(f"#!/bin/sh\necho 'x (PostgreSQL) {version}'\n")
                (programs / name).chmod(0o755)
        (folder / "18" / "bin").mkdir(parents=True)
        found = binaries.find_binaries(server_user())
        assert (found.folder, found.version, found.major) == (folder / "16/bin", "16.4", 16)

    @needs_root
    def test_of_the_wheel_are_copied_once_for_the_servers_user(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library = folder / "new" / "library"
        library.mkdir(parents=True)
        (library / "copying-abandoned").mkdir()
        old_umask = os.umask(0o077)
        try:
            found = binaries.find_binaries(server_user(), library)
        finally:
            os.umask(old_umask)
        assert found.folder.is_relative_to(library)
        assert found.version.startswith("18.")
        answer = server_user().run(found.folder / "initdb", "--version")
        assert answer.stdout.startswith("initdb (PostgreSQL) 18.")
        linked = subprocess.check_output(["ldd", found.folder / "initdb"], text=True)
        assert "/../../../embedded_postgres.libs/libpq" in linked
        assert "not found" not in linked
        names = {path.name for path in library.iterdir()}
        assert names == {
            "copying.lock",
            f"postgresql-{metadata.version('embedded-postgres')}",
        }

        def copy_again(*_: object, **__: object) -> None:
            raise AssertionError

        monkeypatch.setattr(shutil, "copytree", copy_again)
        assert binaries.find_binaries(server_user(), library) == found

    def test_refuse_data_of_another_major_version(self, folder: Path) -> None:
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        postgres.stop()
        version = folder / "postgres/PG_VERSION"
        written = version.read_text()
        version.write_text("15\n")
        assert "belongs to PostgreSQL 15, but the programs found are" in refusal(postgres.start)
        version.write_text(written)
        postgres.start()
        postgres.stop()

    @pytest.mark.skipif(not SYSTEM_POSTGRES, reason="no older PostgreSQL on this machine")
    def test_of_the_system_serve_without_the_wheel_but_not_each_others_data(
        self, folder: Path
    ) -> None:
        postgres = EmbeddedPostgres(folder)
        with pytest.MonkeyPatch.context() as without_wheel:
            self.hide_wheel(without_wheel)
            without_wheel.setenv("PATH", "")
            without_wheel.setattr(binaries, "_SYSTEM_FOLDERS", folder / "system")
            (folder / "system" / SYSTEM_POSTGRES[0].name).mkdir(parents=True)
            (folder / "system" / SYSTEM_POSTGRES[0].name / "bin").symlink_to(
                SYSTEM_POSTGRES[0] / "bin"
            )
            postgres.start()
            postgres.stop()
        version = SYSTEM_POSTGRES[0].name
        assert (folder / "postgres/PG_VERSION").read_text().strip() == version
        message = refusal(postgres.start)
        assert f"belongs to PostgreSQL {version}, but the programs found are" in message
        assert "PostgreSQL 18." in message
        assert not postgres.status().is_running

    @staticmethod
    def hide_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(binaries, "_PACKAGE", "no_such_package")


class TestLog:
    def test_above_its_limit_keeps_only_the_last_lines(self, folder: Path) -> None:
        path = folder / "postgres.log"
        log = ServerLog(path)
        path.write_text("short\n")
        log.trim()
        assert path.read_text() == "short\n"
        with log.opened() as server:
            server.write(b"".join(b"line %d\n" % number for number in range(900_000)))
            server.flush()
            log.trim()
            server.write(b"after\n")
        lines = path.read_text().splitlines()
        assert lines[-2:] == ["line 899999", "after"]
        assert 900_000 < path.stat().st_size < 1_100_000
        assert all(line.startswith(("line ", "after")) for line in lines)
