"""A `JSONAnswer` is what Starlette's own class would have been."""

from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Message

from sokho.core.infrastructure.http.answers import JSONAnswer
from sokho.core.infrastructure.http.body import JSON

HEADERS = {"ETag": '"7"', "Location": "/v1/items/7", "X-Odd": "é"}


async def sent(response: Response) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError

    scope: dict[str, Any] = {"type": "http"}
    await response(scope, receive, send)
    return messages


@pytest.mark.parametrize("headers", [None, {}, HEADERS])
@pytest.mark.parametrize("body", [b"", b"[]", "đ".encode()])
@pytest.mark.parametrize("status", [200, 201])
async def test_is_sent_as_starlettes(status: int, body: bytes, headers: dict[str, str] | None):
    ours = JSONAnswer(body, status, headers)
    theirs = Response(body, status, headers, media_type=JSON)
    assert await sent(ours) == await sent(theirs)
    assert dict(ours.headers) == dict(theirs.headers)
    assert (ours.media_type, ours.background) == (theirs.media_type, theirs.background)
