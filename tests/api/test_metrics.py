"""What is counted of requests: by route, and by nothing that a client can make up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Histogram

from sokho.app import create_app
from sokho.core.infrastructure.database import OverloadedError
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.metrics import _BUCKETS, Metrics
from tests.api.problems import CANARY
from tests.api.test_health import DEAD
from tests.api.test_security_headers import router
from tests.conftest import Business, client_of, close, settings_for

DURATIONS = "sokho_http_request_duration_seconds"
ROUND_TRIPS = "sokho_database_round_trips_total"


@pytest.fixture
async def counting(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    """A service that counts, with one connection."""
    app = create_app(settings_for(urls, metrics_port=0, pool_size=1))
    app.router.routes.extend(router.routes)
    yield app
    await close(app)


@pytest.fixture
def metrics(counting: FastAPI) -> Metrics:
    found: Metrics = counting.state.metrics
    return found


@pytest.fixture
async def client(counting: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(counting, business.api_key) as client:
        yield client


def requests(metrics: Metrics) -> dict[tuple[str, str, str], float]:
    """Return how many requests there were, by method, route and status."""
    metrics.write_counts()
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name == f"{DURATIONS}_count"
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


class TestRequests:
    async def test_are_counted_by_method_route_and_status(
        self, client: httpx2.AsyncClient, metrics: Metrics
    ):
        created = await client.post("/v1/items", json={"sku": "A", "name": "B"})
        for _ in range(3):
            await client.get(created.headers["location"])
        await client.head(created.headers["location"])
        await client.get(f"/v1/items/{CANARY}")
        await client.get("/v1/items", headers={"Authorization": "Bearer x"})
        await client.put("/v1/items")
        await client.get("/broken")
        await client.get("/openapi.json")
        one = "/v1/items/{item_id}"
        assert requests(metrics) == {
            ("POST", "/v1/items", "201"): 1,
            ("GET", one, "200"): 3,
            ("HEAD", one, "200"): 1,
            ("GET", one, "422"): 1,
            ("GET", "/v1/items", "401"): 1,
            ("PUT", "/v1/items", "405"): 1,
            ("GET", "/broken", "500"): 1,
            ("GET", "/openapi.json", "200"): 1,
        }

    async def test_that_a_client_makes_up_make_no_series(
        self, client: httpx2.AsyncClient, metrics: Metrics
    ):
        for number in range(5):
            await client.get(f"/{CANARY}{number}")
            await client.request(f"{CANARY}{number}", "/v1/items")
            await client.request(f"{CANARY}{number}", f"/{CANARY}{number}")
        assert requests(metrics) == {
            ("GET", "none", "404"): 5,
            ("other", "/v1/items", "405"): 5,
            ("other", "none", "404"): 5,
        }

    async def test_tell_nothing_of_a_business(
        self, client: httpx2.AsyncClient, metrics: Metrics, business: Business
    ):
        await client.get("/v1/tenant")
        assert len(requests(metrics)) == 1
        for metric in metrics.registry.collect():
            for sample in metric.samples:
                assert sample.labels.keys() <= {"method", "route", "status", "le"}
                assert str(business.tenant_id) not in sample.labels.values()

    async def test_whose_client_has_left_count_as_499(
        self, counting: FastAPI, metrics: Metrics, business: Business
    ):
        async def left() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def never(_: object) -> None:
            raise AssertionError

        key = f"Bearer {business.api_key}".encode()
        await counting(
            {
                "type": "http",
                "method": "POST",
                "path": "/v1/items",
                "query_string": b"",
                "headers": [(b"authorization", key), (b"content-type", b"application/json")],
            },
            left,
            never,
        )
        assert requests(metrics) == {("POST", "/v1/items", "499"): 1}

    async def test_are_written_at_the_end(
        self, client: httpx2.AsyncClient, metrics: Metrics, counting: FastAPI
    ):
        sampling = asyncio.create_task(metrics.keep_sampling(counting.state.database))
        await client.get("/livez")
        await asyncio.sleep(0)  # a turn of the loop, in which it begins
        sampling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sampling
        at = {"method": "GET", "route": "/livez", "status": "200"}
        assert value(metrics, f"{DURATIONS}_count", **at) == 1

    @pytest.mark.parametrize("seconds", [0.0, 0.0005, 0.001, 0.0011, 0.25, 29.9, 30.0, 31.0])
    def test_stand_in_the_buckets_in_which_the_library_puts_them(self, seconds: float):
        ours, told = Metrics(), CollectorRegistry()
        histogram = Histogram("x", "x", buckets=_BUCKETS, registry=told)
        for _ in range(3):
            ours.count("GET", "/x", 200, seconds=seconds, round_trips=2)
            histogram.observe(seconds)
        ours.write_counts()
        ours.write_counts()  # adds nothing
        labels = {"method": "GET", "route": "/x", "status": "200"}
        for bound in (*map(str, _BUCKETS), "+Inf"):
            found = value(ours, f"{DURATIONS}_bucket", le=bound, **labels)
            assert found == told.get_sample_value("x_bucket", {"le": bound})
        assert value(ours, f"{DURATIONS}_count", **labels) == 3
        assert value(ours, f"{DURATIONS}_sum", **labels) == pytest.approx(3 * seconds)
        assert value(ours, ROUND_TRIPS, method="GET", route="/x") == 6

    async def test_take_as_long_as_they_took(self, client: httpx2.AsyncClient, metrics: Metrics):
        labels = {"method": "GET", "route": "/v1/items", "status": "200"}
        await client.get("/v1/items")
        metrics.write_counts()
        took = value(metrics, f"{DURATIONS}_sum", **labels)
        assert took is not None
        assert 0 < took < 30
        assert value(metrics, f"{DURATIONS}_bucket", le="+Inf", **labels) == 1
        assert value(metrics, f"{DURATIONS}_bucket", le="30.0", **labels) == 1


class TestRoundTrips:
    async def test_are_those_of_the_requests(self, client: httpx2.AsyncClient, metrics: Metrics):
        body, key = {"sku": "A", "name": "B"}, {"Idempotency-Key": "k"}
        await client.post("/v1/items", json=body, headers=key)
        await client.get("/v1/items")
        await client.get("/v1/items")
        metrics.write_counts()
        at = {"route": "/v1/items"}
        assert value(metrics, ROUND_TRIPS, method="POST", **at) == 3  # begin, insert, commit
        assert value(metrics, ROUND_TRIPS, method="GET", **at) == 2


class TestState:
    """What is so just now, written again and again while the service runs."""

    async def test_tells_how_busy_the_connections_are(self, counting: FastAPI, metrics: Metrics):
        database = counting.state.database
        metrics.sample(database)
        assert value(metrics, "sokho_database_connections_limit") == 1
        assert value(metrics, "sokho_database_connections_in_use") == 0
        async with database.unbound():
            metrics.sample(database)
            assert value(metrics, "sokho_database_connections_in_use") == 1
            assert value(metrics, "sokho_database_connection_refusals_total") == 0
            with pytest.raises(OverloadedError):
                async with database.unbound():
                    pass
        metrics.sample(database)
        metrics.sample(database)
        assert value(metrics, "sokho_database_connections_in_use") == 0
        assert value(metrics, "sokho_database_connection_refusals_total") == 1

    async def test_tells_of_requests_that_wait_for_a_connection(
        self, counting: FastAPI, metrics: Metrics, client: httpx2.AsyncClient
    ):
        database = counting.state.database
        await client.get("/v1/items")  # the key is known from now on
        async with database.unbound():
            reading = asyncio.create_task(client.get("/v1/items"))
            for _ in range(100):  # turns of the loop: it comes to waiting by itself
                await asyncio.sleep(0)
            metrics.sample(database)
            assert value(metrics, "sokho_http_requests_in_progress") == 1
            assert value(metrics, "sokho_database_connections_waited_for") == 1
        assert (await reading).status_code == 200
        metrics.sample(database)
        assert value(metrics, "sokho_http_requests_in_progress") == 0
        assert value(metrics, "sokho_database_connections_waited_for") == 0

    async def test_counts_a_database_that_cannot_be_reached(self, urls: DatabaseUrls):
        app = create_app(settings_for(urls, metrics_port=0, database_url=DEAD))
        with pytest.raises(OverloadedError):
            async with app.state.database.unbound():
                pass
        app.state.metrics.sample(app.state.database)
        refusals = value(app.state.metrics, "sokho_database_connection_refusals_total")
        assert refusals == 1
        await close(app)
