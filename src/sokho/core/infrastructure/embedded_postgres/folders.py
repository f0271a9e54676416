"""Where things lie: the data folder and the folder of the unix socket."""

import errno
import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser

SYSTEM_FOLDER = Path("/var/lib/sokho")
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"

# The size of `sun_path` in unix(7), less the final zero; BSD systems have 104.
_SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103

_BLOCKED = Text(
    vi="PostgreSQL không chạy bằng root mà bằng người dùng “nobody”, và người dùng đó không vào "
    "được {blocked} để đến {folder}. Hãy chọn thư mục khác bằng SOKHO_DATA_DIR, ví dụ {example}.",
    en="PostgreSQL does not run as root but as the user “nobody”, who cannot enter {blocked} on "
    "the way to {folder}. Choose another folder with SOKHO_DATA_DIR, such as {example}.",
)
_NOT_OURS = Text(
    vi="Thư mục {folder} không thuộc riêng người dùng chạy PostgreSQL. "
    "Hãy xóa thư mục đó hoặc trả lại quyền 0700 rồi thử lại.",
    en="The folder {folder} does not belong to the user of PostgreSQL alone. "
    "Delete it or give it mode 0700, then try again.",
)


def default_data_dir() -> Path:
    """Return the data folder of who has not chosen one."""
    return SYSTEM_FOLDER / "data" if os.geteuid() == 0 else Path.cwd() / ".sokho"


def make_folder(folder: Path, user: ServerUser) -> None:
    """Make a folder, and the missing ones above it, that `user` can enter but not list.

    A folder that exists keeps its owner and mode. Raises `OperatorError` naming
    the first folder that `user` cannot enter, `OSError` when it cannot be made.
    """
    missing: list[Path] = []
    present = folder
    while not present.exists():
        missing.append(present)
        present = present.parent
    if not present.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(present))
    refuse_if_blocked(present, user, on_the_way_to=folder)
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        new.chmod(0o711 if user.is_other else 0o700)


def refuse_if_blocked(folder: Path, user: ServerUser, on_the_way_to: Path) -> None:
    """Raise `OperatorError` when `folder` exists but another user's server cannot enter it."""
    blocked = user.first_blocked(folder) if user.is_other else None
    if blocked is not None:
        example = SYSTEM_FOLDER / "data"
        raise OperatorError(_BLOCKED.format(blocked=blocked, folder=on_the_way_to, example=example))


def socket_folder(data_dir: Path, user: ServerUser) -> Path:
    """Make the folder of the unix socket, private to `user`, and return it.

    It lies in the data folder unless that path is too long for a socket or has
    a comma, which separates hosts in a connection string; then it lies in the
    system's folder for temporary files under a name made from the data folder.

    Raises `OperatorError` when somebody else put something there.
    """
    folder = data_dir / "socket"
    if len(os.fsencode(folder / SOCKET_NAME)) > _SOCKET_PATH_LIMIT or "," in str(folder):
        shared = Path(os.path.realpath(tempfile.gettempdir()))
        refuse_if_blocked(shared, user, on_the_way_to=shared)
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()
        folder = shared / f"sokho-{user.uid}-{digest[:16]}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not is_private or found.st_uid not in {user.uid, os.geteuid()}:
            raise OperatorError(_NOT_OURS.format(folder=folder)) from None
    if user.is_other:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    return folder
