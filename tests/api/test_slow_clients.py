"""Who sends slowly, or reads nothing, is not waited for without end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sokho.core.infrastructure.http import body
from sokho.core.infrastructure.http.protocol import ProblemProtocol
from tests.api.problems import problem_of
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

GET: Final = b"GET /livez HTTP/1.1\r\nHost: sokho.test\r\n\r\n"


async def drip(writer: asyncio.StreamWriter, text: bytes, pause: float = 0.02) -> None:
    """Send byte by byte, and go on with the last one."""
    for byte in text + text[-1:] * 10_000:
        if writer.is_closing():
            return
        writer.write(bytes([byte]))
        await asyncio.sleep(pause)


async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(bytes(32 * 1024 * 1024))(scope, receive, send)


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with listening(app, Impatient) as running:
        yield port_of(running)


class TestHead:
    async def test_that_never_ends_is_answered_and_closed(self, port: int):
        async with connected(port) as (reader, writer):
            dripping = asyncio.create_task(drip(writer, b"GET /livez HTTP/1.1\r\nX: a"))
            problem_of(parsed(await all_of(reader)), 408, "request_timeout")
            dripping.cancel()

    async def test_that_never_begins_is_closed(self, port: int):
        async with connected(port) as (reader, _):
            assert await all_of(reader) == b""

    async def test_that_follows_an_answer_has_as_long_and_no_longer(self, port: int):
        async with connected(port) as (reader, writer):
            for _ in range(3):
                await asyncio.sleep(HEAD_SECONDS / 2)
                writer.write(GET)
                answer = await reader.readuntil(b'{"status":"ok"}')
                assert answer.startswith(b"HTTP/1.1 200 ")
            dripping = asyncio.create_task(drip(writer, GET[:-4] + b"\r\nX: a"))
            problem_of(parsed(await all_of(reader)), 408, "request_timeout")
            dripping.cancel()

    async def test_without_the_bound_is_waited_for(self, app: FastAPI):
        async with (
            listening(app, Unbounded) as running,
            connected(port_of(running)) as (reader, writer),
        ):
            dripping = asyncio.create_task(drip(writer, b"GET /livez HTTP/1.1\r\nX: a"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(HEAD_SECONDS * 3):
                    await reader.read()
            dripping.cancel()


class TestBody:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body, "BODY_SECONDS", 0.3)

    @pytest.mark.parametrize("line", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
    async def test_that_never_ends_is_answered_and_closed(
        self, app: FastAPI, business: Business, line: str
    ):
        async with listening(app) as running, connected(port_of(running)) as (reader, writer):
            head = Server(0, business.api_key).request(line).replace(b"Connection: close\r\n", b"")
            start = b"3e8\r\n{" if "chunked" in line else b"{"
            dripping = asyncio.create_task(drip(writer, head + start, 0.001))
            answer = parsed(await all_of(reader))
            problem_of(answer, 408, "request_timeout")
            assert answer.headers["connection"] == "close"
            dripping.cancel()
        assert (await business.http.get("/v1/items")).json() == []

    @pytest.mark.parametrize("comes_later", [False, True])
    async def test_that_is_there_is_not_waited_for(
        self,
        app: FastAPI,
        business: Business,
        monkeypatch: pytest.MonkeyPatch,
        *,
        comes_later: bool,
    ):
        waits = []
        in_time = body._read_in_time

        async def noted(receive: Receive) -> bytes:
            waits.append(receive)
            return await in_time(receive)

        monkeypatch.setattr(body, "_read_in_time", noted)
        content = b'{"sku": "A", "name": "B"}'
        head = Server(0, business.api_key).request(f"Content-Length: {len(content)}")
        async with listening(app) as running, connected(port_of(running)) as (reader, writer):
            if comes_later:
                writer.write(head)
                await asyncio.sleep(0.1)
                writer.write(content)
            else:
                writer.write(head + content)
            assert parsed(await all_of(reader)).status_code == 201
        assert bool(waits) is comes_later

    async def test_that_nobody_reads_keeps_no_connection_open(self, port: int):
        """The answer is out, 401, and the body drips on."""
        head = Server(0, "no key").request("Content-Length: 100000")
        async with connected(port) as (reader, writer):
            dripping = asyncio.create_task(
                drip(writer, head.replace(b"Connection: close\r\n", b"") + b"{", 0.001)
            )
            problem_of(parsed(await all_of(reader)), 401, "unauthenticated")
            dripping.cancel()


class TestAnswer:
    @pytest.mark.parametrize(
        ("protocol", "is_bounded"), [(Impatient, True), (Unbounded, False)], ids=["ours", "control"]
    )
    async def test_that_nobody_reads_keeps_no_connection_open(
        self, protocol: type[ProblemProtocol], *, is_bounded: bool
    ):
        async with (
            listening(long_answer, protocol) as running,
            connected(port_of(running)) as (_, writer),
        ):
            writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            await asyncio.sleep(HEAD_SECONDS * 4)
            assert bool(running.server_state.connections) is not is_bounded
            writer.transport.abort()
