"""What `AnsweringCycle` writes is what uvicorn's own class writes, to the byte."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from sokho.core.infrastructure.http.answering import AnsweringCycle
from sokho.core.infrastructure.http.security_headers import security_headers

Header = tuple[bytes, bytes]

COMMON: Sequence[Header] = (
    *security_headers("https"),
    (b"content-type", b"application/json"),
    (b"etag", b'"7"'),
    (b"x-request-id", b"01a207d0-0000-7000-8000-000000000000"),
    (b"ratelimit", b'"default";r=1;t=2'),
)
ODD: Sequence[Header] = (
    (b"Connection", b"Close"),
    (b"connection", b"keep-alive"),
    (b"Transfer-Encoding", b"chunked"),
    (b"X-Frame-Options", b"DENY"),
    (b"ETag", b"W/x"),
    (b"etag", b"a\r\nx: y"),
    (b"content-length", b"2\n"),
    (b"x y", b"z"),
    (b"x\r\ny", b"z"),
    (b"location", b"/v1/items\x7f"),
    (b"location", "/v1/đ".encode()),
    (b"", b""),
)

headers = st.lists(
    st.one_of(
        st.sampled_from(COMMON),
        st.sampled_from(ODD),
        st.sampled_from([(b"content-length", b"2"), (b"Content-Length", b"3")]),
        st.tuples(st.sampled_from([b"etag", b"x-any"]), st.binary(max_size=8)),
    ),
    max_size=12,
)


def written(
    kind: type[RequestResponseCycle],
    messages: Sequence[dict[str, Any]],
    *,
    method: str,
    keep_alive: bool,
) -> tuple[list[bytes], bool, str | None]:
    """Return what was written, in all, whether the connection was closed, and what was raised."""
    wire: list[bytes] = []
    closed: list[bool] = []

    async def run() -> str | None:
        cycle = kind(
            scope={"method": method},  # type: ignore[typeddict-item]
            transport=SimpleNamespace(write=wire.append, close=lambda: closed.append(True)),  # type: ignore[arg-type]
            flow=SimpleNamespace(write_paused=False),  # type: ignore[arg-type]
            logger=None,  # type: ignore[arg-type]
            access_logger=None,  # type: ignore[arg-type]
            access_log=False,
            default_headers=[(b"date", b"Mon, 23 Nov 2026 06:02:26 GMT")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        try:
            for message in messages:
                await cycle.send(message)  # type: ignore[arg-type]
        except (RuntimeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    raised = asyncio.run(run())
    return wire, bool(closed), raised


def on_the_wire(
    kind: type[RequestResponseCycle], messages: Sequence[dict[str, Any]], **how: bool | str
) -> tuple[bytes, bool, str | None]:
    """Return the same, whatever pieces it was written in."""
    wire, closed, raised = written(kind, messages, **how)  # type: ignore[arg-type]
    return b"".join(wire), closed, raised


@given(
    lines=headers,
    status=st.sampled_from([200, 201, 204, 304, 404, 503]),
    pieces=st.lists(
        st.tuples(st.sampled_from([b"", b"{", b"{}", b"{} "]), st.booleans()),
        min_size=1,
        max_size=3,
    ),
    method=st.sampled_from(["GET", "HEAD"]),
    keep_alive=st.booleans(),
)
@example([*COMMON, (b"content-length", b"2")], 200, [(b"{}", False), (b"", False)], "GET", True)
@example([*COMMON, (b"content-length", b"2")], 200, [(b"{", True), (b"}", False)], "GET", False)
def test_writes_what_uvicorn_writes(
    lines: list[Header],
    status: int,
    pieces: list[tuple[bytes, bool]],
    method: str,
    keep_alive: bool,
):
    messages: list[dict[str, Any]] = [
        {"type": "http.response.start", "status": status, "headers": lines},
        *({"type": "http.response.body", "body": body, "more_body": more} for body, more in pieces),
    ]
    ours, theirs = (
        on_the_wire(kind, messages, method=method, keep_alive=keep_alive)
        for kind in (AnsweringCycle, RequestResponseCycle)
    )
    assert ours == theirs


def test_an_ordinary_answer_takes_the_short_way(monkeypatch: pytest.MonkeyPatch):
    heads: list[bytes | None] = []
    head = AnsweringCycle._head

    def seen(self: AnsweringCycle, message: Any) -> bytes | None:
        heads.append(head(self, message))
        return heads[-1]

    monkeypatch.setattr(AnsweringCycle, "_head", seen)
    lines = [*COMMON, (b"content-length", b"2")]
    start = {"type": "http.response.start", "status": 200, "headers": lines}
    body = {"type": "http.response.body", "body": b"{}"}
    wire, _, raised = written(AnsweringCycle, [start, body], method="GET", keep_alive=True)
    assert raised is None
    assert heads != [None]
    assert wire == [b"".join((*heads, b"{}"))]  # type: ignore[arg-type]


def test_a_body_before_its_head_is_refused():
    body = {"type": "http.response.body", "body": b""}
    _, _, raised = written(AnsweringCycle, [body], method="GET", keep_alive=True)
    assert raised is not None
