"""Hostile bytes through the real server: bodies that come in pieces, and what it reads itself."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from fastapi import FastAPI

from tests.api.problems import CANARY, problem_of
from tests.api.test_security_headers import assert_protected
from tests.api.wire import Server, listening, parsed, port_of
from tests.conftest import Business

MIB: Final = 1024 * 1024


@pytest.fixture
async def server(app: FastAPI, business: Business) -> AsyncIterator[Server]:
    async with listening(app) as running:
        yield Server(port_of(running), business.api_key)


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


ITEM: Final = b'{"sku":"A","name":"B"}'
CHUNKED: Final = "Transfer-Encoding: chunked"

UNREADABLE: Final = {
    "a method that HTTP does not know": ("CANARY7Q /v1/items",),
    "an address that is no path": ("GET canary7Q",),
    "an address of raw bytes": ("GET /v1/items?canary7Q\xff",),
    "a NUL in the address": ("GET /v1/units/k\0canary7Q",),
    "a NUL in a header": ("GET /v1/items", "X-Note: canary7Q\0"),
    "a header without a value": ("GET /v1/items", CANARY),
    "a length below zero": ("POST /v1/items", "Content-Length: -1"),
    "a length beyond 64 bits": ("POST /v1/items", "Content-Length: " + "9" * 30),
    "two lengths": ("POST /v1/items", "Content-Length: 5", "Content-Length: 6"),
    "a length and chunks": ("POST /v1/items", "Content-Length: 5", CHUNKED),
    "an unknown coding": ("POST /v1/items", "Transfer-Encoding: chunked, canary7Q"),
}


class TestUnreadable:
    """What is no HTTP never reaches the service; its answer is a problem all the same."""

    @pytest.mark.parametrize("request_", UNREADABLE.values(), ids=list(UNREADABLE))
    async def test_requests_are_refused(
        self, server: Server, business: Business, request_: tuple[str, ...]
    ):
        start, *lines = request_
        came = await server.answers(server.request(*lines, start=start) + chunked(ITEM, 7))
        problem_of(parsed(came), 400, "malformed_request")
        assert_protected(parsed(came))
        assert (await business.http.get("/v1/items")).json() == []

    async def test_chunks_are_refused(self, server: Server, business: Business):
        request = server.request(CHUNKED)
        came = await server.answers(request, b"16\r\n" + ITEM + b"\r\ncanary7Q\r\n")
        problem_of(parsed(came), 400, "malformed_request")
        assert (await business.http.get("/v1/items")).json() == []


class TestBody:
    async def test_declared_too_large_is_refused_before_it_comes(self, server: Server):
        for lines in ((), ("Expect: 100-continue",)):
            came = await server.answers(server.request(*lines, f"Content-Length: {MIB + 1}"))
            problem_of(parsed(came), 413, "body_too_large")

    async def test_in_chunks_is_refused_before_it_ends(self, server: Server, business: Business):
        endless = chunked(ITEM.ljust(MIB + 1), 65_536).removesuffix(b"0\r\n\r\n")
        came = await server.answers(server.request(CHUNKED), endless)
        problem_of(parsed(came), 413, "body_too_large")
        assert (await business.http.get("/v1/items")).json() == []

    async def test_that_comes_byte_by_byte_is_taken_when_it_is_whole(self, server: Server):
        length = f"Content-Length: {len(ITEM)}"
        pieces = [ITEM[at : at + 1] for at in range(len(ITEM))]
        came = await server.answers(server.request(length), *pieces, pause=0.002)
        assert parsed(came).status_code == 201

    async def test_that_breaks_off_is_not_taken(self, server: Server, business: Business):
        for lines in ((CHUNKED,), ("Content-Length: 1000",)):
            await server.breaks_off(server.request(*lines) + b"16\r\n" + ITEM)
        assert (await business.http.get("/v1/items")).json() == []

    async def test_is_asked_for_if_that_is_expected(self, server: Server):
        head = server.request("Expect: 100-continue", f"Content-Length: {len(ITEM)}")
        came = await server.answers(head, ITEM, pause=0.02)
        first, _, rest = came.partition(b"\r\n\r\n")
        assert first == b"HTTP/1.1 100 Continue"
        assert parsed(rest).status_code == 201


class TestHeaders:
    @pytest.mark.parametrize(
        "line", ["Upgrade: websocket", "Upgrade: h2c", "Expect: canary7Q", "X-Note: canary7Q\xff"]
    )
    async def test_that_ask_for_something_else_change_nothing(self, server: Server, line: str):
        came = await server.answers(server.request(line, "Content-Length: 2") + b"{}")
        problem_of(parsed(came), 422, "validation_failed")

    async def test_of_a_known_method_are_answered_by_the_service(self, server: Server):
        came = await server.answers(server.request(start="PROPFIND /v1/items"))
        problem_of(parsed(came), 405, "method_not_allowed")
        for method in ("OPTIONS", "TRACE"):
            came = await server.answers(server.request(start=f"{method} *"))
            problem_of(parsed(came), 404, "not_found")

    @pytest.mark.parametrize("path", ["/v1/items", "/livez", "/docs", "/openapi.json"])
    async def test_are_never_sent_back_by_trace(self, server: Server, path: str):
        came = await server.answers(server.request("X-Note: canary7Q", start=f"TRACE {path}"))
        problem_of(parsed(came), 405, "method_not_allowed")
        assert parsed(came).headers["allow"].startswith("GET, HEAD")
