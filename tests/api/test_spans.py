"""Traces, as a collector gets them: what a request did, below the caller's own span."""

import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.responses import Response

from sokho import __version__
from sokho.app import create_app
from sokho.core.dependencies import CurrentTransaction, tenant_with
from sokho.core.domain.errors import OperatorError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.tracing import is_tracing_wanted
from tests.api.collector import Collector, values
from tests.api.problems import CANARY
from tests.conftest import Business, client_of, close, settings_for

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

router = APIRouter(prefix="/v1/broken", route_class=PreparedRoute)


@router.get("", response_model=None)
async def send_what_cannot_be_done(
    _: Annotated[UUID, tenant_with(Scope.ITEMS_READ)], transaction: CurrentTransaction
) -> Response:
    """Fail in the database, whose message repeats the value."""
    broken: sa.Select[tuple[Any]] = sa.select(sa.literal_column(f"'{CANARY}'::integer")).where(
        TENANT.is_not(None)
    )
    await transaction.fetch_all(Statement(broken))
    return Response()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector.running() as (collector, address):
        monkeypatch.setenv(ENDPOINT, address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield collector


@pytest.fixture
async def traced(collector: Collector, urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    assert collector.spans == []
    app = create_app(settings_for(urls))
    app.router.routes.extend(router.routes)
    yield app
    app.state.tracing.close()
    await close(app)


@pytest.fixture
async def client(traced: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(traced, business.api_key) as client:
        yield client


class TestSpan:
    async def test_tells_of_the_request(
        self,
        client: httpx2.AsyncClient,
        traced: FastAPI,
        collector: Collector,
        business: Business,
    ):
        answer = await client.get("/v1/items")
        traced.state.tracing.close()
        span = collector["GET /v1/items"]
        assert values(span.attributes) == {
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "http.route": "/v1/items",
            "network.protocol.version": "1.1",
            "sokho.request_id": answer.headers["x-request-id"],
            "sokho.round_trips": 1,
            "sokho.tenant_id": str(business.tenant_id),
            "url.path": "/v1/items",
            "url.scheme": "http",
        }
        assert span.kind == Span.SPAN_KIND_SERVER
        assert span.status.code == Status.STATUS_CODE_UNSET
        assert 0 < span.start_time_unix_nano < span.end_time_unix_nano

    async def test_is_named_after_the_template_and_not_the_path(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        await client.get(f"/v1/items/{CANARY}?{CANARY}={CANARY}")
        await client.get(f"/{CANARY}")
        await client.request(CANARY, f"/{CANARY}")
        await client.request(CANARY, "/v1/items")
        traced.state.tracing.close()
        named = {span.name for span in collector.spans}
        assert named == {"GET /v1/items/{item_id}", "GET", "HTTP", "HTTP /v1/items"}
        assert CANARY not in str(collector.spans)

    async def test_is_one_for_each_request_and_names_the_service(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        for _ in range(20):
            await client.get("/livez")
        traced.state.tracing.close()
        assert [span.name for span in collector.spans] == ["GET /livez"] * 20
        assert len({span.trace_id for span in collector.spans}) == 20
        assert collector.resource["service.name"] == "sokho"
        assert collector.resource["service.version"] == __version__

    async def test_of_a_failure_of_ours_is_an_error_and_of_a_refusal_not(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        await client.get("/v1/broken")
        await client.get("/nowhere")
        traced.state.tracing.close()
        failed, refused = collector["GET /v1/broken"], collector["GET"]
        assert failed.status.code == Status.STATUS_CODE_ERROR
        assert values(failed.attributes)["error.type"] == "500"
        assert refused.status.code == Status.STATUS_CODE_UNSET
        assert "error.type" not in values(refused.attributes)


class TestParent:
    async def test_is_the_callers_span(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        await client.get("/livez", headers={"traceparent": TRACEPARENT, "tracestate": "a=1"})
        traced.state.tracing.close()
        span = collector["GET /livez"]
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert span.trace_state == ""  # free text of a client's

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [("traceparent", CANARY)],
            [("traceparent", f"00-{'0' * 32}-{PARENT}-01")],
            [("traceparent", f"ff-{TRACE}-{PARENT}-01")],
            [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)],
            [("traceparent", f"00-{TRACE}-{PARENT}-01" + "\xff" * 600)],
            [("tracestate", "a=1")],
        ],
    )
    async def test_is_none_where_none_can_be_read(
        self,
        client: httpx2.AsyncClient,
        traced: FastAPI,
        collector: Collector,
        headers: list[tuple[str, str]],
    ):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        assert (await client.get("/livez", headers=raw)).status_code == 200
        traced.state.tracing.close()
        span = collector["GET /livez"]
        assert span.parent_span_id == b""
        assert span.trace_id.hex() not in {TRACE, "0" * 32}

    async def test_that_is_not_sampled_is_followed(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        await client.get("/v1/items", headers={"traceparent": TRACEPARENT[:-1] + "0"})
        traced.state.tracing.close()
        assert collector.spans == []


class TestRoundTrips:
    async def test_are_spans_below_the_request(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        body = {"sku": CANARY, "name": CANARY}
        await client.post("/v1/items", json=body, headers={"Idempotency-Key": "k"})
        await client.get("/v1/items")
        traced.state.tracing.close()
        write, read = collector["POST /v1/items"], collector["GET /v1/items"]
        names = [span.name for span in collector.below(write)]
        assert (names[0], names[-1], len(names)) == ("BEGIN", "COMMIT", 3)
        assert values(write.attributes)["sokho.round_trips"] == len(names)
        (select,) = collector.below(read)
        told = values(select.attributes)
        assert told["db.system.name"] == "postgresql"
        assert told["db.operation.name"] == select.name == "SELECT"
        assert "FROM items" in told["db.query.text"]
        assert select.kind == Span.SPAN_KIND_CLIENT
        assert CANARY not in str(collector.spans)  # no value of a statement

    async def test_that_fail_tell_the_kind_of_failure_alone(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        await client.get("/v1/broken")
        traced.state.tracing.close()
        (select,) = collector.below(collector["GET /v1/broken"])
        assert select.status.code == Status.STATUS_CODE_ERROR
        assert values(select.attributes)["error.type"] == "InvalidTextRepresentationError"
        assert select.status.message == ""
        assert not select.events


class TestCollector:
    async def test_that_is_away_harms_no_request(
        self, monkeypatch: pytest.MonkeyPatch, urls: DatabaseUrls, business: Business
    ):
        monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")  # the discard port: nobody listens
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        app = create_app(settings_for(urls))
        async with client_of(app, business.api_key) as client:
            for _ in range(50):
                assert (await client.get("/v1/items")).status_code == 200
        app.state.tracing.close()
        await close(app)

    async def test_that_does_not_answer_holds_up_neither_requests_nor_the_end(
        self, client: httpx2.AsyncClient, traced: FastAPI, collector: Collector
    ):
        collector.answering.clear()
        for _ in range(600):  # more than a batch, so that sending begins by itself
            assert (await client.get("/livez")).status_code == 200
        traced.state.tracing.close()
        assert "last-spans" in {thread.name for thread in threading.enumerate()}  # left behind
        assert collector.spans == []
        collector.answering.set()


class TestEndpoint:
    def test_that_is_not_set_imports_nothing(self):
        program = (
            "import sys, json, sokho.app;"
            "from sokho.core.infrastructure.settings import Settings;"
            "nowhere = 'postgresql://u:p@127.0.0.1:9/d';"
            "sokho.app.create_app(Settings(database_url=nowhere, secret='s' * 32));"
            "print(json.dumps(list(sys.modules)))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        loaded: Any = json.loads(ran.stdout)
        heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client", "requests")
        assert not [name for name in loaded if name.startswith(heavy)]
        assert "sokho.core.infrastructure.http.tracing" not in loaded

    @pytest.mark.parametrize("variable", [ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
    def test_may_be_that_of_all_signals_or_of_traces(
        self, monkeypatch: pytest.MonkeyPatch, variable: str
    ):
        assert not is_tracing_wanted()
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        assert is_tracing_wanted()
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
        assert not is_tracing_wanted()

    @pytest.mark.parametrize(
        "package", ["opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"]
    )
    def test_without_the_packages_is_told_with_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, package: str
    ):
        monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
        monkeypatch.setitem(sys.modules, package, None)  # how Python marks what cannot be had
        with pytest.raises(OperatorError) as caught:
            is_tracing_wanted()
        for text in caught.value.text:
            assert "pip install 'sokho[telemetry]'" in text

    def test_by_another_protocol_is_refused(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        with pytest.raises(OperatorError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
            is_tracing_wanted()
