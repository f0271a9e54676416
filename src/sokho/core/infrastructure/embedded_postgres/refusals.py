"""What the operating system refuses, told to the operator in one sentence."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text

_DISK_FULL = Text(
    vi="Ổ đĩa chứa {path} đã đầy (hoặc hết hạn mức). Hãy giải phóng dung lượng rồi thử lại.",
    en="The disk that holds {path} is full (or over quota). Free some space and try again.",
)
_NOT_ALLOWED = Text(
    vi="Không có quyền đọc hoặc ghi {path}. "
    "Hãy chọn thư mục dữ liệu khác bằng SOKHO_DATA_DIR, hoặc chạy bằng người dùng sở hữu nó.",
    en="Not permitted to read or write {path}. "
    "Choose another data folder with SOKHO_DATA_DIR, or run as the user who owns it.",
)
_NOT_A_FOLDER = Text(
    vi="{path} không phải là thư mục. Hãy chọn thư mục dữ liệu khác bằng SOKHO_DATA_DIR.",
    en="{path} is not a folder. Choose another data folder with SOKHO_DATA_DIR.",
)
_OTHER = Text(
    vi="Hệ điều hành từ chối thao tác trên {path}: {reason}.",
    en="The operating system refuses to use {path}: {reason}.",
)
_BY_ERRNO = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EFBIG: _DISK_FULL,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
}

# A full disk as PostgreSQL tells it (the last is its hint after half a write), or
# cannot tell it because its log lies there too: less is free than one WAL segment.
_DISK_FULL_IN_OUTPUT = (
    os.strerror(errno.ENOSPC),
    os.strerror(errno.EDQUOT),
    "Check free disk space",
)
_TOO_LITTLE_BYTES = 16 * 1024 * 1024


@contextmanager
def told_to_operator(folder: Path) -> Iterator[None]:
    """Turn any `OSError` of the block into an `OperatorError` about its file, or `folder`."""
    try:
        yield
    except OSError as error:
        text = _BY_ERRNO.get(error.errno or 0, _OTHER)
        path = error.filename or folder
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        raise OperatorError(text.format(path=path, reason=error.strerror or error)) from error


def program_failed(text: Text, output: str, folder: Path) -> Exception:
    """Return what to raise when a PostgreSQL program that worked in `folder` failed.

    `text` has a field ``{reason}`` for the line that says why; a full disk is
    returned as the `OSError` it is, so that it reads the same wherever it is met.
    """
    too_little = shutil.disk_usage(folder.parent).free < _TOO_LITTLE_BYTES
    if too_little or any(message in output for message in _DISK_FULL_IN_OUTPUT):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = output.strip().splitlines() or ["?"]
    telling = [line for line in lines if "FATAL:" in line or "error:" in line]
    return OperatorError(text.format(reason=(telling or lines)[-1].strip()))
