"""Files that only their owner may read: written whole or not at all."""

import os
from pathlib import Path


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Write `text` with mode 0600; it is on the disk when this returns.

    Raises `FileExistsError` when the file is there and must not be replaced, `OSError` when
    it cannot be written; then nothing is left of it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames within `folder` survive a power cut. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
