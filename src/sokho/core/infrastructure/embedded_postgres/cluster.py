"""The cluster: the files of the database, made once by initdb."""

import shutil
import tempfile
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.embedded_postgres.binaries import Binaries
from sokho.core.infrastructure.embedded_postgres.credentials import ADMIN, DATABASE
from sokho.core.infrastructure.embedded_postgres.refusals import program_failed
from sokho.core.infrastructure.embedded_postgres.sizing import sized_settings
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser
from sokho.core.infrastructure.private_files import sync_folder

_LOCALES = ("C.UTF-8", "C")  # the C library may lack the first
_BUILTIN_LOCALE_SINCE = 17
_HALF_MADE = "making-"

_SIZED = """
# Of the machine that this was made on, by Sokho. Change it as you like: it is not written again.
{settings}
"""

_NOT_MADE = Text(
    vi="Không tạo được cơ sở dữ liệu: {reason}. Không có gì còn sót lại; "
    "hãy khắc phục rồi thử lại.",
    en="The database could not be created: {reason}. Nothing is left of it; mend it and retry.",
)
_OTHER_MAJOR = Text(
    vi="Dữ liệu trong {folder} thuộc PostgreSQL {found}, còn chương trình tìm thấy là PostgreSQL "
    "{installed} ({programs}). Hãy cài PostgreSQL {found}, hoặc sao lưu bằng pg_dump của bản "
    "{found} rồi khôi phục vào một thư mục dữ liệu mới.",
    en="The data in {folder} belongs to PostgreSQL {found}, but the programs found are "
    "PostgreSQL {installed} ({programs}). Install PostgreSQL {found}, or dump it with the pg_dump "
    "of version {found} and restore it into a new data folder.",
)
_OTHER_OWNER = Text(
    vi="Dữ liệu trong {folder} thuộc người dùng số {owner}, còn PostgreSQL sẽ chạy bằng người dùng "
    "số {user}. Hãy chạy Sokho bằng đúng người dùng đã tạo thư mục, hoặc chọn thư mục khác.",
    en="The data in {folder} belongs to user number {owner}, but PostgreSQL would run as user "
    "number {user}. Run Sokho as the user who made the folder, or choose another folder.",
)


def major_version(folder: Path) -> str:
    """Return the PostgreSQL version of the cluster in `folder`. Raises `OSError`."""
    return (folder / "PG_VERSION").read_text("utf-8").strip()


def check_cluster(folder: Path, binaries: Binaries, user: ServerUser) -> None:
    """Raise `OperatorError` unless `binaries` run by `user` can serve the cluster."""
    owner = folder.stat().st_uid
    if owner != user.uid:
        raise OperatorError(_OTHER_OWNER.format(folder=folder, owner=owner, user=user.uid))
    found = major_version(folder)
    if found != str(binaries.major):
        raise OperatorError(
            _OTHER_MAJOR.format(
                folder=folder, found=found, installed=binaries.version, programs=binaries.folder
            )
        )


def create_cluster(folder: Path, binaries: Binaries, user: ServerUser, password: str) -> None:
    """Make a cluster with the superuser and the empty database, owned by `user`.

    It is made under another name and renamed when it is complete, so a crash on
    the way leaves nothing that looks like a cluster.

    Raises `OperatorError` when PostgreSQL's programs fail, `OSError` on a full disk.
    """
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_HALF_MADE))
    try:
        if user.is_other:
            shutil.chown(making, user.uid, user.gid)
        cluster = making / "cluster"
        _initdb(cluster, binaries, user, password)
        _size(cluster)
        _create_database(cluster, binaries, user)
        cluster.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def clear_half_made(data_dir: Path) -> None:
    """Remove what a crash left in `data_dir` while it made a cluster.

    An orphaned initdb may write there for a moment more: what resists goes at
    the next call.
    """
    for abandoned in data_dir.glob(f"{_HALF_MADE}*"):
        shutil.rmtree(abandoned, ignore_errors=True)


def _initdb(cluster: Path, binaries: Binaries, user: ServerUser, password: str) -> None:
    command: list[str | Path] = [
        *user.named,
        binaries.folder / "initdb",
        f"--pgdata={cluster}",
        f"--username={ADMIN}",
        "--auth=scram-sha-256",
        "--pwfile=/dev/stdin",
        "--encoding=UTF8",
        "--data-checksums",
    ]
    if binaries.major >= _BUILTIN_LOCALE_SINCE:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    for locale in _LOCALES:
        answer = user.run(*command, f"--locale={locale}", stdin=password)
        if "invalid locale" not in answer.stdout:
            break
    if answer.returncode != 0:
        raise program_failed(_NOT_MADE, answer.stdout, cluster)


def _size(cluster: Path) -> None:
    lines = [f"{name} = {value}" for name, value in sized_settings(cluster).items()]
    with (cluster / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write(_SIZED.format(settings="\n".join(lines)))


def _create_database(cluster: Path, binaries: Binaries, user: ServerUser) -> None:
    """Create the database without a server, so that a cluster is complete or absent."""
    answer = user.run(
        *user.named,
        binaries.folder / "postgres",
        "--single",
        "-D",
        cluster,
        "-c",
        "exit_on_error=on",
        "postgres",
        stdin=f"CREATE DATABASE {DATABASE}",
    )
    if answer.returncode != 0:
        raise program_failed(_NOT_MADE, answer.stdout, cluster)
