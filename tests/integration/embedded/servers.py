"""What the tests of the embedded PostgreSQL share: processes, folders, waiting."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.embedded_postgres import (
    EmbeddedPostgres,
)
from sokho.core.infrastructure.embedded_postgres.unprivileged import ServerUser

IS_ROOT = os.geteuid() == 0
NAMELESS = 54321
HAS_PROC = Path("/proc/self/cmdline").exists()

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can act as other users")
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="looks into /proc")

# Calls the method of EmbeddedPostgres that each line of its input names.
OTHER_PROCESS = """
import sys
from pathlib import Path
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres

postgres = EmbeddedPostgres(Path(sys.argv[1]))
for line in sys.stdin:
    getattr(postgres, line.strip())()
    print("done", flush=True)
"""


class OtherProcess:
    """Another process that uses the embedded PostgreSQL of a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def call(self, line: str) -> str:
        self.send(line)
        return self.answer()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to its process group, as a terminal does; returns how it ended."""
        os.killpg(self.process.pid, number)
        return self.end()

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


def servers_in(folder: Path) -> list[int]:
    """Return the pids of PostgreSQL's programs that have `folder` in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program, *arguments = os.fsdecode((process / "cmdline").read_bytes()).split("\0")
            of_postgres = Path(program).name in {"postgres", "initdb", "pg_ctl"}
            if of_postgres and any(str(folder) in argument for argument in arguments):
                found.append(int(process.name))
    return found


@contextmanager
def bystander(user: ServerUser) -> Iterator[int]:
    """Run a process that has nothing to do with PostgreSQL as its user; it must survive."""
    process = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=user.uid if user.is_other else None,
        group=user.gid if user.is_other else None,
        extra_groups=[] if user.is_other else None,
    )
    yield process.pid
    assert process.poll() is None
    process.kill()
    process.wait()


def wait_until(condition: Callable[[], Any], seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def query(url: str, *statements: str, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url, **options)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def pid_of(postgres: EmbeddedPostgres) -> int:
    pid = postgres.status().pid
    assert pid is not None
    return pid


def refusal(call: Callable[[], object]) -> str:
    """Return the English sentence that `call` is refused with; there is a Vietnamese one too."""
    with pytest.raises(OperatorError) as caught:
        call()
    text = caught.value.text
    assert text.vi != text.en
    assert not {"{", "}", "\n"} & set(text.vi + text.en)
    return text.en


def new_folder() -> Path:
    """Make a folder that any user may enter, since root's server runs as another."""
    made = Path(os.path.realpath(tempfile.mkdtemp(prefix="sokho-test-")))
    made.chmod(0o711)
    return made


def stop_whatever_runs_in(folder: Path) -> None:
    for pid in servers_in(folder):
        os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not servers_in(folder))


def copy_of(initialised: Path, target: Path) -> Path:
    subprocess.run(["cp", "-Rp", initialised, target], check=True)
    return target
