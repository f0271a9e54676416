"""The server process on one cluster: found, started and stopped, never mistaken for another."""

import os
import shlex
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.binaries import Binaries
from sokho.core.infrastructure.embedded_postgres.folders import PORT, SOCKET_NAME
from sokho.core.infrastructure.embedded_postgres.refusals import program_failed
from sokho.core.infrastructure.embedded_postgres.server_log import ServerLog
from sokho.core.infrastructure.embedded_postgres.turns import in_turns
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser

_READY_SECONDS = 300.0  # crash recovery on a slow disk
_ORPHANS_SECONDS = 15.0
_FAST_SHUTDOWN_SECONDS = 30.0
_IMMEDIATE_SHUTDOWN_SECONDS = 15.0
_POLL_SECONDS = 0.02

# The lines of postmaster.pid (PostgreSQL's src/include/miscadmin.h, LOCK_FILE_LINE_*).
_PID_LINE = 1
_SOCKET_DIR_LINE = 5
_STATUS_LINE = 8

_PROC = Path("/proc")

# What the server says while sessions of a killed predecessor still run.
_ORPHANS_IN_LOG = "pre-existing shared memory block"

_NOT_STARTED = Text(
    vi="PostgreSQL không khởi động được: {reason}",
    en="PostgreSQL did not start: {reason}",
)
_NOT_READY = Text(
    vi="PostgreSQL (tiến trình {pid}) chưa sẵn sàng sau {seconds:.0f} giây. Xem {log}.",
    en="PostgreSQL (process {pid}) is not ready after {seconds:.0f} seconds. See {log}.",
)
_OUT_OF_SIGHT = Text(
    vi="Một PostgreSQL khác đang phục vụ thư mục {folder} nhưng không nhìn thấy được từ đây "
    "(có thể nằm trong một container khác). Hãy dừng nó trước.",
    en="Another PostgreSQL serves the folder {folder} but cannot be seen from here "
    "(perhaps it runs in another container). Stop it first.",
)
_NOT_STOPPED = Text(
    vi="PostgreSQL (tiến trình {pid}) vẫn chưa dừng dù đã được yêu cầu hai lần. Xem {log}.",
    en="PostgreSQL (process {pid}) has not stopped though asked twice. See {log}.",
)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The main process of a running server, as its pid file describes it."""

    pid: int
    socket_dir: Path
    is_ready: bool


class Server:
    """Starts and stops the server on the cluster in `folder`.

    `start` and `stop` must be called under a lock that all who use the cluster share.
    """

    def __init__(self, folder: Path, log_path: Path) -> None:
        self._folder = folder
        self._log_path = log_path
        self._pid_file = folder / "postmaster.pid"
        self.log = ServerLog(log_path)

    def postmaster(self) -> Postmaster | None:
        """Return the main process if it lives, ready or not. Raises `OSError`."""
        try:
            lines = os.fsdecode(self._pid_file.read_bytes()).split("\n")
            lines += [""] * _STATUS_LINE  # while the server starts there are fewer
            pid = int(lines[_PID_LINE - 1])
        except (FileNotFoundError, ValueError):
            return None
        socket_dir = Path(lines[_SOCKET_DIR_LINE - 1])
        if not _is_postmaster(pid, self._folder, socket_dir):
            return None
        return Postmaster(pid, socket_dir, is_ready=lines[_STATUS_LINE - 1].strip() == "ready")

    def start(
        self, binaries: Binaries, user: ServerUser, socket_dir: Path, settings: Mapping[str, str]
    ) -> Postmaster:
        """Return the main process of the server, starting it unless it runs, once it is ready.

        Raises `OperatorError` when it does not become ready, `OSError`.
        """
        begin = time.monotonic()
        while True:
            found = self.postmaster()
            if found is not None and found.is_ready:
                return found
            if found is None:
                output = self._launch(binaries, user, socket_dir, settings)
                lives = self.postmaster() is not None
                waits = _ORPHANS_IN_LOG in output and _elapsed(begin) < _ORPHANS_SECONDS
                if not lives and not waits:
                    raise program_failed(_NOT_STARTED, output, self._folder)
            elif _elapsed(begin) > _READY_SECONDS:
                seconds, log = _READY_SECONDS, self._log_path
                raise OperatorError(_NOT_READY.format(pid=found.pid, seconds=seconds, log=log))
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server if it runs: a fast shutdown, after a while an immediate one.

        Raises `OperatorError` when it runs even then: a main process is never
        killed, since its sessions would go on without it.
        """
        found = self.postmaster()
        for number, seconds in (
            (signal.SIGINT, _FAST_SHUTDOWN_SECONDS),
            (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN_SECONDS),
        ):
            begin = time.monotonic()
            if found is not None:
                with suppress(ProcessLookupError):
                    os.kill(found.pid, number)
            while found is not None and _elapsed(begin) < seconds:
                time.sleep(_POLL_SECONDS)
                found = self.postmaster()
        if found is not None:
            raise OperatorError(_NOT_STOPPED.format(pid=found.pid, log=self._log_path))

    def _launch(
        self, binaries: Binaries, user: ServerUser, socket_dir: Path, settings: Mapping[str, str]
    ) -> str:
        """Start the server, wait until it is ready or has failed; returns what it logged."""
        if _answers(socket_dir):
            raise OperatorError(_OUT_OF_SIGHT.format(folder=self._folder))
        _discard_if_misleading(self._pid_file)
        _discard_if_misleading(socket_dir / f"{SOCKET_NAME}.lock")
        forced = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"{}"'.format(str(socket_dir).replace('"', '""')),
        }
        options = ["-D", str(self._folder)]
        for name, value in {**settings, **forced}.items():
            options += ["-c", f"{name}={value}"]
        self.log.trim()
        with self.log.opened() as log, in_turns():
            begin = log.seek(0, os.SEEK_END)
            # The folder goes in the options and not in --pgdata, which pg_ctl
            # hands to a shell without escaping it.
            user.run(
                binaries.folder / "pg_ctl",
                "start",
                "--silent",
                "--wait",
                f"--options={shlex.join(options)}",
                output=log,
                environment={"PGDATA": str(self._folder)},
            )
            log.seek(begin)
            return log.read().decode("utf-8", "replace")


def _elapsed(begin: float) -> float:
    return time.monotonic() - begin


def _is_postmaster(pid: int, folder: Path, socket_dir: Path) -> bool:
    """Tell whether a process is the main process on `folder`: pids are used again."""
    if not (_PROC / "self/cmdline").exists():  # not Linux
        return _answers(socket_dir)
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(arguments[0])).name == "postgres" and os.fsencode(folder) in arguments


def _answers(socket_dir: Path) -> bool:
    """Tell whether a server accepts connections on the socket in `socket_dir`."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(socket_dir / SOCKET_NAME))
        except OSError:
            return False
        return True


def _discard_if_misleading(lock_file: Path) -> None:
    """Remove a lock file that no server of ours holds but PostgreSQL would obey.

    It obeys an unreadable one, and one whose pid some other process has by now.
    Any other it judges better itself. Sessions of a killed server are safe from
    this: a new server still meets the shared memory they hold and refuses.
    """
    try:
        pid = int(lock_file.read_bytes().split(b"\n")[0])
    except FileNotFoundError:
        return
    except ValueError:
        pid = None
    if pid is None or (pid > 0 and _exists(pid)):  # below zero: `postgres --single`
        lock_file.unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
