"""The line of each request, however it ends, as a process of its own writes it."""

import json
import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.problems import CANARY
from tests.conftest import SECRET, Business

PROGRAM = """
import asyncio, os
from sokho.app import create_app
from tests.api.test_security_headers import router
from tests.conftest import client_of

async def left():
    return {"type": "http.disconnect"}

async def never(_):
    raise AssertionError

async def main():
    app = create_app()
    app.router.routes.extend(router.routes)
    key = os.environ["KEY"]
    ids = []
    async with client_of(app, key) as client:
        for method, path, headers in [
            ("GET", "/v1/items", {}),
            ("GET", "/v1/items?limit=canary7Q", {}),
            ("GET", "/v1/items", {"Authorization": "Bearer x"}),
            ("GET", "/canary7Q", {}),
            ("PUT", "/v1/items", {}),
            ("GET", "/broken", {}),
        ]:
            answer = await client.request(method, path, headers=headers)
            ids.append(answer.headers["x-request-id"])
    print(*ids)
    scope = {"type": "http", "method": "POST", "path": "/v1/items", "query_string": b""}
    json = (b"content-type", b"application/json")
    scope["headers"] = [(b"authorization", b"Bearer " + key.encode()), json]
    await app(scope, left, never)
    await app.state.database.close()
    if app.state.tracing:
        app.state.tracing.close()

asyncio.run(main())
"""

EXPECTED = [
    ("GET", "/v1/items", 200, 1),
    ("GET", "/v1/items", 422, 0),
    ("GET", "/v1/items", 401, 0),
    ("GET", None, 404, 0),
    ("PUT", "/v1/items", 405, 0),
    ("GET", "/broken", 500, 0),
    ("POST", "/v1/items", 499, 0),
]


class Log:
    """What a process that answered some requests wrote."""

    def __init__(self, urls: DatabaseUrls, business: Business, **environment: str) -> None:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={
                **os.environ,
                "SOKHO_DATABASE_URL": urls.app,
                "SOKHO_SECRET": SECRET,
                "KEY": business.api_key,
                **environment,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        self.text = ran.stderr
        self.answered = ran.stdout.split()
        read = [json.loads(line) for line in ran.stderr.splitlines()]
        self.lines = [line for line in read if line["event"] == "request"]
        self.failures = [line for line in read if line["event"] == "request failed"]


@pytest.fixture
def log(urls: DatabaseUrls, business: Business) -> Log:
    return Log(urls, business)


class TestLine:
    """One process for all that is looked at: it takes seconds to start."""

    def test_is_written_for_each_request_however_it_ends(self, log: Log, business: Business):
        told = [
            (line["method"], line["route"], line["status"], line["round_trips"])
            for line in log.lines
        ]
        assert told == EXPECTED
        assert [line["request_id"] for line in log.lines][:-1] == log.answered
        known = [line["tenant"] is not None for line in log.lines]
        assert known == [True, True, False, False, False, False, True]
        for line in log.lines:
            assert line["tenant"] in {None, str(business.tenant_id)}
            assert UUID(line["request_id"]).version == 7
            assert line["milliseconds"] > 0
            assert "trace_id" not in line
        (failure,) = log.failures
        assert failure["request_id"] == log.lines[5]["request_id"]
        assert "Traceback" in failure["exception"]
        assert CANARY not in log.text
        assert business.api_key not in log.text

    def test_names_the_trace_where_there_is_one(self, urls: DatabaseUrls, business: Business):
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
        log = Log(urls, business, **endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1")
        traces: list[Any] = [line["trace_id"] for line in log.lines]
        assert len(set(traces)) == len(EXPECTED)
        assert all(int(trace, 16) and len(trace) == 32 for trace in traces)
