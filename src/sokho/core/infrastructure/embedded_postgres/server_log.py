"""The server's log: one file that never grows without bound."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LIMIT = 8 * 1024 * 1024
_KEPT = 1024 * 1024


class ServerLog:
    """The file that the server appends to; readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file at its end, to hand it to the server. Raises `OSError`."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a+b") as log:
            yield log

    def trim(self) -> None:
        """Keep only the last mebibyte of a file above the limit. Raises `OSError`.

        The server may be writing: it appends, so it goes on after what is kept.
        """
        with self.opened() as log:
            if log.seek(0, os.SEEK_END) > _LIMIT:
                log.seek(-_KEPT, os.SEEK_END)
                last = log.read()
                log.truncate(0)
                log.write(last.partition(b"\n")[2])
