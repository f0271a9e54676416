"""File locks that the kernel drops when their process ends, even by kill -9."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold `path` alone, among processes and among threads; waits for the holder.

    Raises `OSError` when the file cannot be made.
    """
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class SharedUse:
    """Who uses a thing: each user holds a shared lock on one file.

    Call `join` and `is_free_of_others` under one exclusive lock: `flock` gives a
    lock up for a moment when it changes its kind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def joined(self) -> bool:
        """Whether this object counts as a user."""
        return self._descriptor is not None

    def join(self) -> None:
        """Become a user; a second call changes nothing. Raises `OSError`."""
        if self._descriptor is None:
            descriptor = _open(self._path)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._descriptor = descriptor

    def is_free_of_others(self) -> bool:
        """Return whether nobody but this object is a user. Raises `OSError`."""
        descriptor = _open(self._path) if self._descriptor is None else self._descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            if self._descriptor is None:
                os.close(descriptor)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Stop being a user; a second call changes nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: Path) -> int:
    # Python opens files close-on-exec, so the server never inherits a lock.
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
