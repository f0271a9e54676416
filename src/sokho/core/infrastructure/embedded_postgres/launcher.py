"""Starting, sharing and stopping the embedded PostgreSQL of one data folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.binaries import find_binaries
from sokho.core.infrastructure.embedded_postgres.cluster import (
    check_cluster,
    clear_half_made,
    create_cluster,
    major_version,
)
from sokho.core.infrastructure.embedded_postgres.credentials import (
    DatabaseUrls,
    create_credentials,
    load_credentials,
)
from sokho.core.infrastructure.embedded_postgres.folders import make_folder, socket_folder
from sokho.core.infrastructure.embedded_postgres.locks import SharedUse, exclusive_lock
from sokho.core.infrastructure.embedded_postgres.refusals import told_to_operator
from sokho.core.infrastructure.embedded_postgres.server import Server
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser, server_user

_IN_USE = Text(
    vi="Cơ sở dữ liệu trong {folder} đang được tiến trình khác sử dụng (ví dụ “sokho serve”). "
    "Hãy dừng tiến trình đó trước.",
    en="The database in {folder} is in use by another process (such as “sokho serve”). "
    "Stop that process first.",
)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the server on one data folder."""

    is_running: bool
    is_in_use: bool
    """Whether a process other than the one that asks holds on to it."""
    is_kept_running: bool
    """Whether it stays when its last user leaves."""
    pid: int | None
    version: str | None
    """PostgreSQL's major version; None before the first start."""
    data_dir: Path
    socket_dir: Path | None


class EmbeddedPostgres:
    """The PostgreSQL server of one data folder, shared by all processes that use it.

    The first to start it starts the server, the last to stop it stops the
    server. Who uses it is known by file locks, so a user that is killed is a
    user that left. Every method raises `OperatorError` for what the operator
    must mend.

    Methods may be called from any thread. A process that forks hands its use to
    the child as well; start other processes by exec.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """Take the folder that holds everything; `settings` go to the server it starts."""
        self._data_dir = Path(os.path.realpath(data_dir))
        self._settings = dict(settings or {})
        self._cluster = self._data_dir / "postgres"
        self._credentials = self._data_dir / "credentials.json"
        self._start_lock = self._data_dir / "start.lock"
        self._kept = self._data_dir / "keep-running"
        self._use = SharedUse(self._data_dir / "users.lock")
        self._server = Server(self._cluster, self._data_dir / "postgres.log")

    def start(self, *, keep_running: bool = False) -> DatabaseUrls:
        """Become a user of the server; make the cluster and start the server as needed.

        With `keep_running` the server outlives its users until `shutdown`.
        """
        with told_to_operator(self._data_dir):
            user = server_user()
            make_folder(self._data_dir, user)
            with exclusive_lock(self._start_lock):
                self._use.join()
                try:
                    urls = self._serve(user)
                    if keep_running:
                        self._kept.touch()
                except BaseException:
                    self._leave()
                    raise
                return urls

    def stop(self) -> None:
        """Stop being a user; the last one stops the server, unless it is kept running."""
        with told_to_operator(self._data_dir):
            if self._use.joined:
                with exclusive_lock(self._start_lock):
                    self._leave()

    def shutdown(self) -> None:
        """Stop the server even if it is kept running.

        Raises `OperatorError` when another process uses it.
        """
        with told_to_operator(self._data_dir):
            if self._start_lock.exists():
                with exclusive_lock(self._start_lock):
                    if not self._use.is_free_of_others():
                        raise OperatorError(_IN_USE.format(folder=self._data_dir))
                    self._kept.unlink(missing_ok=True)
                    self._leave()

    def ensure_running(self) -> bool:
        """Restart the server if it died since `start`; returns whether it had.

        Cheap enough to be called every second.
        """
        with told_to_operator(self._data_dir):
            if not self._use.joined:
                return False
            self._server.log.trim()
            if self._server.postmaster() is not None:
                return False
            with exclusive_lock(self._start_lock):
                if not self._use.joined or self._server.postmaster() is not None:
                    return False
                self._serve(server_user())
                return True

    def status(self) -> ServerStatus:
        """Return what is known of the server, without starting or making anything."""
        with told_to_operator(self._data_dir):
            if not self._cluster.is_dir():
                return ServerStatus(
                    is_running=False,
                    is_in_use=False,
                    is_kept_running=False,
                    pid=None,
                    version=None,
                    data_dir=self._data_dir,
                    socket_dir=None,
                )
            with exclusive_lock(self._start_lock):
                found = self._server.postmaster()
                return ServerStatus(
                    is_running=found is not None,
                    is_in_use=not self._use.is_free_of_others(),
                    is_kept_running=self._kept.exists(),
                    pid=found.pid if found else None,
                    version=major_version(self._cluster),
                    data_dir=self._data_dir,
                    socket_dir=found.socket_dir if found else None,
                )

    def _serve(self, user: ServerUser) -> DatabaseUrls:
        """Make what is missing and return once the server is ready; the start lock is held."""
        clear_half_made(self._data_dir)
        binaries = find_binaries(user)
        if self._cluster.is_dir():
            check_cluster(self._cluster, binaries, user)
            credentials = load_credentials(self._credentials)
        else:
            credentials = create_credentials(self._credentials)
            create_cluster(self._cluster, binaries, user, credentials.admin)
        socket_dir = socket_folder(self._data_dir, user)
        found = self._server.start(binaries, user, socket_dir, self._settings)
        return credentials.urls(found.socket_dir)

    def _leave(self) -> None:
        """Stop being a user, and the server with the last one; the start lock is held."""
        try:
            if self._use.is_free_of_others() and not self._kept.exists():
                self._server.stop()
        finally:
            self._use.leave()
