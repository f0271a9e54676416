"""PgBouncer in transaction mode between the service and its database."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

PORT: Final = 6432  # of a socket in a folder of its own
_NOBODY: Final = 65534
_START_SECONDS: Final = 10.0


def program() -> str | None:
    """Return the path of ``pgbouncer``, where there is one."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def pooled(urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """Yield URLs that lead through a PgBouncer of one's own, but for the administrator's.

    There are fewer connections behind it than in front, so that transactions change servers.
    """
    found = program()
    assert found is not None, "pgbouncer is needed: `apt-get install pgbouncer`"
    with tempfile.TemporaryDirectory(prefix="sokho-pgbouncer-") as made:
        folder = Path(made)
        _configure(folder, urls)
        as_root = os.geteuid() == 0  # PgBouncer refuses to be root
        if as_root:
            for path in (folder, *folder.iterdir()):
                os.chown(path, _NOBODY, _NOBODY)
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [found, "pgbouncer.ini"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=_NOBODY if as_root else None,
                group=_NOBODY if as_root else None,
            )
        try:
            _wait_for(folder / f".s.PGSQL.{PORT}", process, folder / "output")
            app, worker = (_through(folder, url) for url in (urls.app, urls.worker))
            yield urls._replace(app=app, worker=worker)
        finally:
            process.terminate()
            process.wait(_START_SECONDS)


def _configure(folder: Path, urls: DatabaseUrls) -> None:
    server = make_url(urls.app).query
    settings = {
        "unix_socket_dir": folder,
        "listen_port": PORT,
        "pool_mode": "transaction",
        "default_pool_size": 4,
        "max_client_conn": 200,
        "auth_type": "plain",
        "auth_file": folder / "users",
    }
    lines = (f"{name} = {value}" for name, value in settings.items())
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server['host']} port={server.get('port', 5432)}\n"
        "[pgbouncer]\n" + "\n".join(lines) + "\n"
    )
    users = (make_url(url) for url in (urls.app, urls.worker))
    (folder / "users").write_text(
        "".join(f'"{user.username}" "{user.password}"\n' for user in users)
    )


def _through(folder: Path, url: str) -> str:
    reached = make_url(url).update_query_dict({"host": str(folder), "port": str(PORT)})
    return reached.render_as_string(hide_password=False)


def _wait_for(socket: Path, process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"pgbouncer did not start: {output.read_text()}")
        time.sleep(0.02)
