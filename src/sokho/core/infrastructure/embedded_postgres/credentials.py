"""The passwords of the three roles that log in, kept in one file of the data folder."""

import json
import secrets
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.folders import PORT
from sokho.core.infrastructure.private_files import write_private

ADMIN = "sokho_admin"
APP = "sokho_app"
WORKER = "sokho_worker"
DATABASE = "sokho"

_LOST = Text(
    vi="Thiếu hoặc hỏng tệp mật khẩu {path} của cơ sở dữ liệu trong thư mục này. "
    "Hãy khôi phục tệp đó từ bản sao lưu.",
    en="The file {path} with the passwords of the database in this folder is missing or damaged. "
    "Restore it from a backup.",
)


class DatabaseUrls(NamedTuple):
    """Connection strings over the unix socket, one per role."""

    app: str
    """For requests: bound by row-level security."""
    worker: str
    """For background work that must list the tenants."""
    admin: str
    """The cluster's superuser, for migrations and checks only."""


class Credentials(NamedTuple):
    """One password per role."""

    app: str
    worker: str
    admin: str

    def urls(self, socket_dir: Path) -> DatabaseUrls:
        """Return the connection strings to the server whose socket lies in `socket_dir`."""

        def url(role: str, password: str) -> str:
            host = quote(str(socket_dir), safe="")
            return f"postgresql://{role}:{password}@/{DATABASE}?host={host}&port={PORT}"

        return DatabaseUrls(
            app=url(APP, self.app), worker=url(WORKER, self.worker), admin=url(ADMIN, self.admin)
        )


def load_credentials(path: Path) -> Credentials:
    """Return the saved passwords.

    Raises `OperatorError` when they are lost, `OSError` when they cannot be read.
    """
    try:
        passwords = json.loads(path.read_text("utf-8"))
        return Credentials(passwords[APP], passwords[WORKER], passwords[ADMIN])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(_LOST.format(path=path)) from error


def create_credentials(path: Path) -> Credentials:
    """Make new random passwords and save them, readable by their owner alone.

    They are on the disk before this returns, so no cluster is ever made whose
    passwords could be lost. Raises `OSError` when they cannot be saved.
    """
    made = Credentials(*(secrets.token_urlsafe(32) for _ in Credentials._fields))
    content = json.dumps({APP: made.app, WORKER: made.worker, ADMIN: made.admin}, indent=2)
    write_private(path, content)
    return made
