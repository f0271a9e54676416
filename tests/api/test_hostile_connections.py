"""Connections of endless heads, of garbage, and of answers that nobody reads."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.http.admission import Admission
from sokho.core.infrastructure.http.context import CLIENT_LEFT, RequestContext
from sokho.core.infrastructure.http.middleware import ProblemMiddleware, RequestMiddleware
from sokho.core.infrastructure.http.protocol import MAX_HEAD_BYTES, ProblemProtocol
from tests.api.problems import CANARY, problem_of
from tests.api.test_security_headers import assert_protected
from tests.api.wire import (
    HEAD_SECONDS,
    Impatient,
    Server,
    Unbounded,
    all_of,
    connected,
    listening,
    parsed,
    port_of,
)
from tests.conftest import Business

GET: Final = b"GET /livez HTTP/1.1\r\nHost: sokho.test\r\n"
ALIVE: Final = b'{"status":"ok"}'
GARBAGE: Final = b"canary7Q \0\r\n\r\n"
LONG: Final = 8 * 1024 * 1024

SMALL: Final = 64 * 1024
"""What the system keeps of an answer, so that the server sees a slow client read."""

TOO_LARGE: Final = {
    "a field": (GET + b"X: " + CANARY.encode() * (MAX_HEAD_BYTES // 8), b"\r\n\r\n"),
    "many fields": (GET + b"A: b\r\n" * (MAX_HEAD_BYTES // 5), b"\r\n"),
    "a field's name": (GET + b"X" * MAX_HEAD_BYTES, b": y\r\n\r\n"),
    "the address": (b"GET /" + CANARY.encode() * (MAX_HEAD_BYTES // 8), b" HTTP/1.1\r\n\r\n"),
}

too_large = pytest.mark.parametrize(("head", "end"), TOO_LARGE.values(), ids=list(TOO_LARGE))


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with listening(app) as running:
        yield port_of(running)


async def sent(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Return all that comes back until the server closes."""
    async with connected(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        return await all_of(reader)


class TestHead:
    @too_large
    async def test_that_is_too_large_is_refused(self, port: int, head: bytes, end: bytes):
        came = parsed(await sent(port, head + end))
        problem_of(came, 431, "request_header_fields_too_large")
        assert_protected(came)

    @too_large
    async def test_that_does_not_end_is_refused_before_it_does(
        self, port: int, head: bytes, end: bytes
    ):
        assert end  # never sent
        pieces = [head[at : at + 8000] for at in range(0, len(head), 8000)]
        came = parsed(await sent(port, *pieces, *pieces[-3:-1], pause=0.002))
        problem_of(came, 431, "request_header_fields_too_large")

    async def test_without_the_bound_is_taken_however_large_it_is(self, app: FastAPI):
        async with listening(app, Unbounded) as running:
            head, _ = TOO_LARGE["many fields"]
            end = b"A: b\r\n" * MAX_HEAD_BYTES + b"Connection: close\r\n\r\n"
            came = await sent(port_of(running), head + end)
            assert parsed(came).status_code == 200

    async def test_up_to_the_bound_is_served(self, port: int):
        fill = b"X: " + b"x" * (MAX_HEAD_BYTES - len(GET) - 100)
        came = await sent(port, GET + fill + b"\r\nConnection: close\r\n\r\n")
        assert parsed(came).status_code == 200

    async def test_is_each_requests_own(self, port: int):
        """Not what a connection sends in all, nor the body that goes before it."""
        request = GET + b"X: " + b"x" * (MAX_HEAD_BYTES // 2) + b"\r\n"
        body = b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000
        many = (request + b"\r\n") * 4 + request + body + request + b"Connection: close\r\n\r\n"
        for pause, parts in ((0.0, (many,)), (0.01, (many[:-9], many[-9:]))):
            assert (await sent(port, *parts, pause=pause)).count(ALIVE) == 6


class Hasty(ProblemProtocol):
    """The control: tells of garbage at once, whatever is being answered."""

    is_answering = False


async def slow_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.1)
    await Response(b"done")(scope, receive, send)


class TestGarbage:
    @pytest.mark.parametrize("garbage", [GARBAGE, b"\0" * 100_000, TOO_LARGE["a field"][0] * 4])
    async def test_behind_requests_is_told_to_nobody_and_they_are_answered(self, garbage: bytes):
        async with listening(slow_answer) as running:
            for pause in (0.0, 0.02):
                came = await sent(port_of(running), (GET + b"\r\n") * 2, garbage, pause=pause)
                assert came.count(b"HTTP/1.1 200 OK") == came.count(b"done") == 2
                assert came.endswith(b"done")

    async def test_told_at_once_would_pass_for_their_answer(self):
        async with listening(slow_answer, Hasty) as running:
            came = await sent(port_of(running), GET + b"\r\n", GARBAGE, pause=0.02)
        assert came.startswith(b"HTTP/1.1 400 ")

    async def test_behind_work_that_is_done_leaves_its_answer(self, port: int, business: Business):
        body = b'{"sku":"A","name":"B"}'
        head = Server(0, business.api_key).request(f"Content-Length: {len(body)}")
        keeping = head.replace(b"Connection: close\r\n", b"")
        answer = parsed(await sent(port, keeping + body + GARBAGE))
        assert (answer.status_code, answer.headers["connection"]) == (201, "close")
        assert len((await business.http.get("/v1/items")).json()) == 1

    async def test_behind_an_answer_is_told(self, port: int):
        async with connected(port) as (reader, writer):
            writer.write(GET + b"\r\n")
            await reader.readuntil(ALIVE)
            writer.write(GARBAGE)
            problem_of(parsed(await all_of(reader)), 400, "malformed_request")

    @pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 2"])
    async def test_in_a_body_that_nobody_reads_leaves_the_answer(
        self, port: int, business: Business, length: str
    ):
        head = Server(0, business.api_key).request(length, start="GET /v1/items")
        assert parsed(await sent(port, head + b"zz" + GARBAGE)).status_code == 200

    async def test_in_the_body_of_the_second_is_told_after_the_first(
        self, port: int, business: Business
    ):
        first = GET + b"\r\n"
        second = Server(0, business.api_key).request("Transfer-Encoding: chunked")
        async with connected(port) as (reader, writer):
            writer.write(first + second + GARBAGE)
            assert (await reader.readuntil(ALIVE)).startswith(b"HTTP/1.1 200 ")
            problem_of(parsed(await all_of(reader)), 400, "malformed_request")
        assert (await business.http.get("/v1/items")).json() == []


class Told:
    """A service of long answers, and the status that was told of each."""

    def __init__(self, seconds: float) -> None:
        self.statuses: list[int] = []
        bounded = Admission(long_answer, most=10, seconds=seconds)
        self._app: ASGIApp = RequestMiddleware(ProblemMiddleware(bounded))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        self.statuses.append(RequestContext.of(scope).status)


async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(bytes(LONG))(scope, receive, send)


class Trickling(Impatient):
    """Gives an answer little time to begin."""

    answer_seconds = 3 * HEAD_SECONDS


@asynccontextmanager
async def keeping_little(
    app: ASGIApp, protocol: type[ProblemProtocol]
) -> AsyncIterator[uvicorn.Server]:
    async with listening(app, protocol) as running:
        running.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        yield running


WORK: Final = b"GET /v1/items HTTP/1.1\r\nHost: sokho.test\r\n\r\n"


class TestAnswersInARow:
    @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    @pytest.mark.parametrize("deadline", [HEAD_SECONDS / 2, 60.0])
    def test_that_nobody_reads_are_cut_off_and_told_as_unseen(
        self,
        deadline: float,
        loop: Callable[[], asyncio.AbstractEventLoop],
        capfd: pytest.CaptureFixture[str],
    ):
        async def read_nothing(told: Told) -> None:
            async with (
                listening(told, Impatient) as running,
                connected(port_of(running)) as (_, writer),
            ):
                writer.write(WORK * 20)
                await asyncio.sleep(HEAD_SECONDS * 4)
                assert not running.server_state.connections
                assert not running.server_state.tasks

        told = Told(deadline)
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(read_nothing(told))
        assert told.statuses == [200, CLIENT_LEFT]
        assert "Traceback" not in "".join(capfd.readouterr())

    async def test_that_nobody_reads_stay_without_the_bound(self):
        told = Told(60)
        async with (
            listening(told, Unbounded) as running,
            connected(port_of(running)) as (_, writer),
        ):
            writer.write(WORK * 20)
            await asyncio.sleep(HEAD_SECONDS * 4)
            assert len(running.server_state.connections) == 1
            assert told.statuses == [200]
            writer.transport.abort()

    @pytest.mark.parametrize(("protocol", "is_cut_off"), [(Trickling, True), (Impatient, False)])
    async def test_that_are_read_drop_by_drop_are_cut_off_later(
        self, protocol: type[ProblemProtocol], *, is_cut_off: bool
    ):
        told = Told(60)
        async with (
            keeping_little(told, protocol) as running,
            connected(port_of(running)) as (reader, writer),
        ):
            writer.write(WORK * 20)
            for _ in range(90):
                await reader.read(SMALL)
                await asyncio.sleep(HEAD_SECONDS / 15)
            assert bool(running.server_state.connections) is not is_cut_off

    async def test_that_are_read_slowly_all_come(self):
        told = Told(60)
        total = 0
        async with (
            keeping_little(told, Impatient) as running,
            connected(port_of(running)) as (reader, writer),
        ):
            writer.write(WORK * 3)
            while total < 3 * LONG:
                total += len(await reader.read(LONG // 16))
                await asyncio.sleep(HEAD_SECONDS / 100)
        assert told.statuses == [200] * 3
