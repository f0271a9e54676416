"""``sokho serve`` with a planted fault, which Schemathesis must find: the control of its runs.

``python -m tests.contract.faulty FAULT serve``
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import sokho.app
import sokho.cli


class Faulty:
    """Answers as the service does, but for what `fault` makes of a status and a body."""

    def __init__(self, app: ASGIApp, fault: "Fault") -> None:
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        start: Message = {}

        async def altered(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            status, body = self._fault(scope, start["status"], message.get("body", b""))
            MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
            await send({**start, "status": status})
            await send({**message, "body": body})

        await self._app(scope, receive, altered)


Fault = Callable[[Scope, int, bytes], tuple[int, bytes]]


def undocumented_status(scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
    return (203 if scope["method"] == "GET" and status == 200 else status), body


def broken_schema(scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
    if scope["path"] != "/v1/tenant" or status != 200:
        return status, body
    return status, json.dumps({**json.loads(body), "version": "one"}).encode()


def server_error(scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
    return (500 if scope["path"] == "/v1/items/batch" and status == 200 else status), body


def invalid_accepted(scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
    if scope["path"] != "/v1/units" or scope["method"] != "POST" or status != 422:
        return status, body
    return 201, b'{"code":"x","name":"x","decimals":0}'


def valid_refused(scope: Scope, status: int, body: bytes) -> tuple[int, bytes]:
    return (400 if scope["path"] == "/v1/units" and status == 201 else status), body


FAULTS: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (undocumented_status, broken_schema, server_error, invalid_accepted, valid_refused)
}


def _serve() -> None:
    fault = FAULTS[sys.argv.pop(1)]
    make = sokho.app.create_app
    setattr(sokho.app, "create_app", lambda: Faulty(make(), fault))  # noqa: B010 - of another type
    sokho.cli.main()


if __name__ == "__main__":
    _serve()
