"""Workers that end are replaced, whatever ended them; the others serve on, none stays behind."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.stopping import PATIENCE, Stopping, ask, connected, outcome, stoppable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and not yet lost."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in map(int, listed) if b"spawn_main" in command_of(child)]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def served(service: Stopping, times: int = 12) -> Counter[str]:
    """Return how newcomers fared, one after the other."""
    return Counter([(await outcome(ask(service.port)))[:6] for _ in range(times)])


async def gone(pid: int, service: Stopping) -> None:
    """Wait for a worker's end, while newcomers are served."""
    async with asyncio.timeout(PATIENCE):
        while pid in children(service.process.pid):
            assert await served(service) == {"served": 12}


class TestWorker:
    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    async def test_that_ends_alone_is_replaced_and_leaves_the_port_open(self, how: signal.Signals):
        async with stoppable("draining", 2) as service:
            pid = children(service.process.pid)[0]
            os.kill(pid, how)
            await gone(pid, service)
            assert await served(service) == {"served": 12}
            await service.another_serves()
            assert len(children(service.process.pid)) == 2
            assert await served(service) == {"served": 12}
            service.signal()
            assert await service.ended() == 0

    async def test_that_cannot_start_again_is_tried_again_and_the_others_serve(
        self, tmp_path: Path
    ):
        shut = tmp_path / "shut"
        async with stoppable("draining", 2, shut=shut) as service:
            before = children(service.process.pid)
            shut.touch()
            os.kill(before[0], signal.SIGKILL)
            tried: set[int] = set()
            async with asyncio.timeout(PATIENCE):
                while len(tried) < 3:
                    tried |= set(children(service.process.pid)) - set(before)
                    assert await served(service, 1) == {"served": 1}
            shut.unlink()
            await service.another_serves()
            assert service.process.poll() is None
            service.signal()
            assert await service.ended() == 0

    async def test_does_not_outlive_its_parent(self):
        async with stoppable("draining", 2) as service:
            workers = children(service.process.pid)
            service.signal(signal.SIGKILL)
            try:
                async with asyncio.timeout(PATIENCE):
                    with pytest.raises(ConnectionRefusedError):
                        while True:
                            async with connected(service.port):
                                await asyncio.sleep(0.1)
            finally:
                for pid in workers:
                    with contextlib.suppress(FileNotFoundError):
                        if b"spawn_main" in command_of(pid):
                            os.kill(pid, signal.SIGKILL)

    async def test_has_no_websockets_whatever_is_installed(self):
        async with (
            stoppable("draining", 1) as service,
            connected(service.port) as (reader, writer),
        ):
            writer.write(
                b"GET / HTTP/1.1\r\nHost: sokho.test\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert await outcome(reader.readuntil(b"served")) == "served"
