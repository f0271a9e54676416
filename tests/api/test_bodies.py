"""The body is read strictly, and only when there is a reason to read it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.problems import CANARY, problem_of
from tests.conftest import Business

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


def a_body_of(size: int) -> bytes:
    """Return a valid item of `size` bytes, most of them blanks."""
    return b'{"sku":"A","name":"B"}'.ljust(size)


async def in_chunks(body: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def post(http: httpx2.AsyncClient, body: Any, **headers: str) -> httpx2.Response:
    return await http.post("/v1/items", content=body, headers=JSON | headers)


class TestSize:
    async def test_of_one_mib_fits(self, business: Business):
        assert (await post(business.http, a_body_of(MIB))).status_code == 201

    async def test_of_more_is_refused_as_declared(self, business: Business):
        problem_of(await post(business.http, a_body_of(MIB + 1)), 413, "body_too_large")

    async def test_of_one_mib_in_chunks_fits(self, business: Business):
        assert (await post(business.http, in_chunks(a_body_of(MIB)))).status_code == 201

    async def test_of_more_in_chunks_is_refused(self, business: Business):
        answer = await post(business.http, in_chunks(a_body_of(MIB + 1)))
        problem_of(answer, 413, "body_too_large")

    async def test_without_end_is_not_read_to_the_end(self, business: Business):
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 100:
                sent += 1
                yield b" " * (MIB // 4)

        problem_of(await post(business.http, endless()), 413, "body_too_large")
        assert sent < 10


class TestUnread:
    """ASGI by hand: `receive` tells whether anybody asked for the body."""

    async def statuses(self, app: FastAPI, *headers: tuple[bytes, bytes]) -> list[int]:
        sent: list[int] = []

        async def never() -> NoReturn:
            raise AssertionError("the body was read")

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent.append(message["status"])

        await app(
            {
                "type": "http",
                "method": "POST",
                "path": "/v1/items",
                "raw_path": b"/v1/items",
                "query_string": b"",
                "root_path": "",
                "headers": [(b"content-type", b"application/json"), *headers],
            },
            never,
            send,
        )
        return sent

    async def test_is_the_body_of_the_anonymous(self, app: FastAPI):
        assert await self.statuses(app) == [401]

    async def test_is_the_body_of_whoever_lacks_the_scope(self, app: FastAPI, client_with: Any):
        http: httpx2.AsyncClient = await client_with("items:read")
        key = http.headers["authorization"].encode()
        assert await self.statuses(app, (b"authorization", key)) == [403]

    async def test_is_a_body_declared_too_large(self, app: FastAPI, business: Business):
        key = (b"authorization", f"Bearer {business.api_key}".encode())
        too_large = (b"content-length", b"%d" % (MIB + 1))
        assert await self.statuses(app, key, too_large) == [413]


class TestMediaType:
    @pytest.mark.parametrize(
        "media_type",
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ""],
    )
    async def test_of_anything_but_json_is_refused(self, business: Business, media_type: str):
        answer = await business.http.post(
            "/v1/items", content=a_body_of(30), headers={"Content-Type": media_type}
        )
        problem_of(answer, 415, "unsupported_media_type")

    async def test_left_out_is_refused(self, business: Business):
        answer = await business.http.post("/v1/items", content=a_body_of(30))
        problem_of(answer, 415, "unsupported_media_type")


def malformed() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "blank", b"  \n"
    for constant in (b"NaN", b"Infinity", b"-Infinity"):
        yield constant.decode(), b'{"sku":"A","name":"B","attributes":{"k":' + constant + b"}}"
    yield "invalid UTF-8", b'{"sku":"\xff","name":"B"}'
    yield "overlong UTF-8", b'{"sku":"\xc0\xaf","name":"B"}'
    yield "a surrogate in UTF-8", b'{"sku":"\xed\xa0\x80","name":"B"}'
    yield "UTF-16", '{"sku":"A","name":"B"}'.encode("utf-16")
    yield "byte order mark", b"\xef\xbb\xbf" + a_body_of(30)
    yield "truncated", b'{"sku":"A","name":"'
    yield "two values", b'{"sku":"A","name":"B"}{}'
    yield "trailing comma", b'{"sku":"A","name":"B",}'
    yield "single quotes", b"{'sku':'A','name':'B'}"
    yield "comment", b'{"sku":"A","name":"B"}//x'
    yield "raw control character", b'{"sku":"A\n","name":"B"}'
    yield "bare word", CANARY.encode()
    yield "lists 65 deep", b"[" * 65 + b"]" * 65
    yield "lists 100 000 deep", b"[" * 100_000 + b"]" * 100_000
    yield "objects 100 000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "100 000 deep and cut", b"[" * 100_000


class TestMalformedJson:
    @pytest.mark.parametrize("body", [b for _, b in malformed()], ids=[n for n, _ in malformed()])
    async def test_is_told_as_such(self, business: Business, body: bytes):
        problem_of(await post(business.http, body), 400, "malformed_json")
