"""Which operating-system user runs PostgreSQL: it refuses root, and initdb a nameless one."""

import errno
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text

_ACCOUNT = "nobody"

_NO_ACCOUNT_FOR_ROOT = Text(
    vi="PostgreSQL không chạy bằng root và máy này không có người dùng “nobody”. "
    "Hãy chạy Sokho bằng một người dùng thường, hoặc đặt SOKHO_DATABASE_URL.",
    en="PostgreSQL does not run as root and this machine has no user “nobody”. "
    "Run Sokho as an ordinary user, or set SOKHO_DATABASE_URL.",
)
_MAY_NOT_SWITCH = Text(
    vi="root ở đây không được phép chạy chương trình bằng người dùng “nobody” (thiếu CAP_SETUID, "
    "CAP_SETGID hoặc CAP_CHOWN). Hãy chạy Sokho bằng một người dùng thường.",
    en="root may not run programs as the user “nobody” here (CAP_SETUID, CAP_SETGID or "
    "CAP_CHOWN is missing). Run Sokho as an ordinary user.",
)
_NAMELESS = Text(
    vi="Người dùng số {uid} không có tên trong /etc/passwd nên không tạo được cơ sở dữ liệu. "
    "Hãy thêm một dòng cho người dùng đó, chạy bằng người dùng khác, hoặc đặt SOKHO_DATABASE_URL.",
    en="User number {uid} has no name in /etc/passwd, so no database can be created. "
    "Add a line for it, run as another user, or set SOKHO_DATABASE_URL.",
)


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that runs PostgreSQL; `is_other` when we are root and it is not us."""

    uid: int
    gid: int
    is_other: bool = False
    named: tuple[str, ...] = ()
    """What to put before a command that insists on a name in /etc/passwd."""

    def run(
        self,
        *command: str | Path,
        stdin: str = "",
        output: IO[bytes] | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and wait; its output is returned, or goes to `output`.

        The program sees none of our environment (it may hold secrets), and a
        Ctrl-C in our terminal does not reach it. `stdin` comes from a file
        without a name, so a password given there can be read by nobody else.

        Raises `OperatorError` when root may not act as this user, `OSError`
        when the program cannot be run.
        """
        try:
            with tempfile.TemporaryFile() as given:
                given.write(stdin.encode())
                given.seek(0)
                if self.is_other:
                    os.fchown(given.fileno(), self.uid, self.gid)
                return subprocess.run(
                    [str(word) for word in command],
                    stdin=given,
                    stdout=output or subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    encoding="utf-8",
                    errors="replace",
                    check=False,
                    cwd="/",
                    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | (environment or {}),
                    user=self.uid if self.is_other else None,
                    group=self.gid if self.is_other else None,
                    extra_groups=[] if self.is_other else None,
                    start_new_session=True,
                    umask=0o077,
                )
        except PermissionError as error:
            if self.is_other and error.errno == errno.EPERM:
                raise OperatorError(_MAY_NOT_SWITCH) from error
            raise

    def first_blocked(self, folder: Path) -> Path | None:
        """Return the first folder on the way into `folder` that this user cannot enter."""
        script = 'for way; do test -x "$way" || { printf %s "$way"; exit; }; done'
        way = [*reversed(folder.parents), folder]
        blocked = self.run("/bin/sh", "-c", script, "sh", *way).stdout
        return Path(blocked) if blocked else None


def server_user() -> ServerUser:
    """Return who runs PostgreSQL: ourselves, or `nobody` when we are root.

    Raises `OperatorError` when there is no user that can.
    """
    uid = os.geteuid()
    try:
        if uid == 0:
            nobody = pwd.getpwnam(_ACCOUNT)
            return ServerUser(nobody.pw_uid, nobody.pw_gid, is_other=True)
        pwd.getpwuid(uid)
    except KeyError as error:
        if uid == 0:
            raise OperatorError(_NO_ACCOUNT_FOR_ROOT) from error
        return ServerUser(uid, os.getegid(), named=_under_a_name(uid))
    return ServerUser(uid, os.getegid())


def _under_a_name(uid: int) -> tuple[str, ...]:
    """Return the command that shows a nameless user as `nobody` to one program.

    A user namespace does that without any privilege; containers often forbid it.
    """
    unshare = shutil.which("unshare")
    if unshare is not None:
        command = (unshare, "--user", f"--map-user={_ACCOUNT}")
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    raise OperatorError(_NAMELESS.format(uid=uid))
