"""SIGTERM loses no request; uvicorn's own server, the control, loses some."""

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

import pytest

from sokho.core.infrastructure.http.accept_queue import refuse_newcomers, refuses_newcomers
from tests.integration.stopping import (
    DRAIN_SECONDS,
    PATIENCE,
    Stopping,
    ask,
    ask_on,
    connected,
    load,
    outcome,
    stoppable,
)

CLIENTS: Final = 24

one_and_two = pytest.mark.parametrize("workers", [1, 2])


_TRIES: Final = 5


@dataclass
class Stop:
    """What clients saw of a stop while half of them kept connections alive."""

    seen: Counter[str]
    on_an_old_connection: str
    on_a_new_one: str
    exit_code: int


async def stop_under_load(kind: str, workers: int, *, held_up: bool = False) -> Stop:
    seen: Counter[str] = Counter()
    async with stoppable(kind, workers) as service:
        clients = [
            asyncio.create_task(load(service.port, seen, keeps_alive=number % 2 == 0))
            for number in range(CLIENTS)
        ]
        async with connected(service.port) as (reader, writer):
            await ask_on(reader, writer)
            service.signal()
            if held_up:
                clients.append(asyncio.create_task(hold_up(service)))
            old = await seen_of_the_stop(lambda: ask_on(reader, writer))
        new = await seen_of_the_stop(lambda: ask(service.port))
        code = await service.ended()
        await asyncio.wait(clients, timeout=3)
        for client in clients:
            seen["lost"] += client.cancel()  # it waits for an answer of nobody
    return Stop(seen, old, new, code)


async def hold_up(service: Stopping) -> None:
    """Let the parent not run while its workers end to drain, as on a busy machine."""
    await asyncio.sleep(DRAIN_SECONDS / 2)  # it has told them
    service.signal(signal.SIGSTOP)
    await asyncio.sleep(DRAIN_SECONDS / 2 + 1)
    service.signal(signal.SIGCONT)


async def seen_of_the_stop(asks: Callable[[], Coroutine[None, None, bytes]]) -> str:
    """Ask until the stop shows: within what it drains, so under load no moment can be missed."""
    while (seen := await outcome(asks())) == "served":
        pass
    return seen


async def closed(port: int) -> None:
    """Wait until the port is: while newcomers' first packets are dropped, no attempt ends."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with asyncio.timeout(0.1), connected(port):
                    pass
            except TimeoutError:
                continue
            except ConnectionError:
                return


class TestStop:
    @one_and_two
    async def test_loses_nothing_and_serves_on_while_clients_connect_elsewhere(self, workers: int):
        stop = await stop_under_load("draining", workers)
        assert (stop.seen["lost"], stop.exit_code) == (0, 0)
        assert stop.seen["answered"] > CLIENTS
        assert (stop.on_an_old_connection, stop.on_a_new_one) == ("served, closed",) * 2

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is refused beforehand")
    @pytest.mark.parametrize(("kind", "loses"), [("draining", False), ("hasty", True)])
    async def test_loses_nothing_where_the_parent_is_held_up(self, kind: str, *, loses: bool):
        stop = await stop_under_load(kind, 2, held_up=True)
        assert (stop.seen["lost"] > 0) is loses
        assert stop.exit_code == 0

    @one_and_two
    async def test_of_uvicorns_own_server_does(self, workers: int):
        stops = [await stop_under_load("uvicorn", workers)]
        while not stops[-1].seen["lost"] and len(stops) < _TRIES:  # a matter of moments
            stops.append(await stop_under_load("uvicorn", workers))
        assert stops[-1].seen["lost"] > 0

    async def test_answers_what_is_on_its_way_when_the_port_is_closed(self):
        async with (
            stoppable("draining", 1) as service,
            connected(service.port) as (reader, writer),
        ):
            await ask_on(reader, writer)
            service.signal()
            await closed(service.port)
            assert await outcome(ask_on(reader, writer)) == "served, closed"
            assert await service.ended() == 0

    @one_and_two
    async def test_is_cut_short_by_a_second_signal(self, workers: int):
        async with stoppable("draining", workers) as service:
            slow = asyncio.create_task(outcome(ask(service.port, b"/slow")))
            await asyncio.sleep(0.1)
            service.signal()
            await asyncio.sleep(DRAIN_SECONDS + 1)
            assert service.process.poll() is None
            service.signal()
            await service.ended()  # else it would wait for half a minute
            assert await slow == "lost"

    async def test_after_ctrl_c_does_not_wait(self):
        async with stoppable("draining", 1) as service:
            service.signal(signal.SIGINT)
            await service.ended()
            assert await outcome(ask(service.port)) == "lost"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is refused beforehand")
class TestAcceptQueue:
    @pytest.mark.parametrize("refuses", [True, False], ids=["refusing", "control"])
    def test_keeps_those_who_wait_and_lets_nobody_in(self, *, refuses: bool):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            with socket.create_connection(address) as waiting:
                assert not refuses_newcomers(listener)
                if refuses:
                    refuse_newcomers(listener)
                    with socket.socket(fileno=os.dup(listener.fileno())) as of_a_worker:
                        assert refuses_newcomers(of_a_worker)
                waiting.sendall(b"sent while waiting")
                with socket.socket() as newcomer:
                    newcomer.settimeout(0.3)
                    try:
                        newcomer.connect(address)
                        got_in = True
                    except TimeoutError:
                        got_in = False
                assert got_in is not refuses
                accepted, _ = listener.accept()
                with accepted:
                    assert accepted.recv(100) == b"sent while waiting"
