"""Calls an application as a server does, without one."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from sokho.core.infrastructure.http.context import WHOLE

_SUCCESS: Final = range(200, 300)

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


async def answer_of(
    app: Any, method: str, target: str, headers: Headers = (), body: bytes = b""
) -> Answer:
    """Send one request to an ASGI application; raises `RuntimeError` unless it succeeds.

    `target` is a path, with or without a query.
    """
    path, _, query = target.partition("?")
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
        WHOLE: True,  # as `sokho serve` marks a body that is there
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    told = b"".join(message.get("body", b"") for message in rest)
    if start["status"] not in _SUCCESS:
        raise RuntimeError(f"{method} {target}: {start['status']} {told!r}")
    return Answer(start["status"], dict(start["headers"]), told)
