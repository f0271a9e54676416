"""A worker takes on so many requests at once, each for so long; all else is refused at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sokho.app import create_app
from sokho.core.dependencies import CurrentTransaction, tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.admission import REQUEST_SECONDS
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.settings import Settings
from tests.api.problems import problem_of
from tests.conftest import Business, client_of, close, settings_for

MOST: Final = 3
_SLEEP: Final = Statement(
    sa.select(sa.func.pg_sleep(sa.literal(4, sa.Float)), TENANT.label("tenant"))
)

router = APIRouter(prefix="/v1/slow", route_class=PreparedRoute)


@router.get("/gate", response_model=None)
async def wait_at_the_gate(request: Request) -> Response:
    """Answer once the test says so."""
    await request.app.state.gate.wait()
    return Response()


@router.post("/statement", response_model=None)
async def run_a_slow_statement(
    _: Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)], transaction: CurrentTransaction
) -> Response:
    """Hold a connection for longer than a request may take here."""
    await transaction.fetch_all(_SLEEP)
    return Response()


@pytest.fixture
async def small(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    """A service of three requests at once, and one connection."""
    app = create_app(settings_for(urls, concurrent_requests=MOST, pool_size=1))
    app.router.routes[:0] = router.routes
    app.state.gate = asyncio.Event()
    yield app
    await close(app)


@pytest.fixture
async def http(small: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(small, business.api_key) as client:
        yield client


@contextmanager
def at_the_gate(
    http: httpx2.AsyncClient, number: int
) -> Iterator[list[asyncio.Task[httpx2.Response]]]:
    tasks = [asyncio.create_task(http.get("/v1/slow/gate")) for _ in range(number)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()


def hurry(app: FastAPI, seconds: float) -> None:
    """Give every request of a service so many seconds instead of thirty."""
    [options] = [kept.kwargs for kept in app.user_middleware if "most" in kept.kwargs]
    options["seconds"] = seconds


class TestConcurrency:
    async def test_beyond_the_bound_is_refused_at_once_and_has_room_again_afterwards(
        self, small: FastAPI, http: httpx2.AsyncClient
    ):
        with at_the_gate(http, MOST) as waiting:
            await asyncio.sleep(0.05)
            for _ in range(2):
                async with asyncio.timeout(0.5):
                    answer = await http.get("/v1/items")
                problem_of(answer, 503, "temporarily_overloaded")
                assert answer.headers["retry-after"] == "1"
            small.state.gate.set()
            assert {(await task).status_code for task in waiting} == {200}
        assert (await http.get("/v1/items")).status_code == 200

    async def test_up_to_the_bound_is_served(self, http: httpx2.AsyncClient):
        with at_the_gate(http, MOST - 1):
            await asyncio.sleep(0.05)
            assert (await http.get("/v1/items")).status_code == 200

    async def test_leaves_room_for_whoever_asks_after_its_health(self, http: httpx2.AsyncClient):
        with at_the_gate(http, MOST):
            await asyncio.sleep(0.05)
            for path in ("/livez", "/readyz"):
                assert (await http.get(path)).status_code == 200

    async def test_is_not_used_up_by_whoever_asks_after_its_health(
        self, small: FastAPI, http: httpx2.AsyncClient
    ):
        """However many: one look serves all, and leaves the only connection to others."""
        taken: list[int] = []
        acquire = small.state.database._pool.acquire

        async def counted() -> object:
            taken.append(1)
            await asyncio.sleep(0.1)
            return await acquire()

        small.state.database._pool.acquire = counted
        asking = [asyncio.create_task(http.get("/readyz")) for _ in range(MOST * 20)]
        await asyncio.sleep(0.05)
        small.state.database._pool.acquire = acquire
        assert (await http.get("/v1/items")).status_code == 200
        assert {(await task).status_code for task in asking} == {200}
        assert len(taken) == 1

    async def test_is_given_back_by_who_leaves(self, http: httpx2.AsyncClient):
        for _ in range(MOST):
            with at_the_gate(http, MOST):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
        assert (await http.get("/v1/items")).status_code == 200

    def test_is_of_five_hundred_for_thirty_seconds_unless_it_is_set(self):
        assert Settings.model_validate({}).concurrent_requests == 500
        assert REQUEST_SECONDS == 30


class TestDeadline:
    async def test_ends_a_request_and_gives_back_its_connection(
        self, small: FastAPI, http: httpx2.AsyncClient
    ):
        hurry(small, 0.3)
        async with asyncio.timeout(2):  # the statement alone would take four seconds
            for _ in range(2):
                answer = await http.post("/v1/slow/statement")
                problem_of(answer, 503, "temporarily_overloaded")
            assert (await http.get("/v1/items")).status_code == 200

    async def test_is_each_requests_own(self, small: FastAPI, http: httpx2.AsyncClient):
        hurry(small, 0.4)
        with at_the_gate(http, 1) as [first]:
            await asyncio.sleep(0.25)
            with at_the_gate(http, 1) as [second]:
                problem_of(await first, 503, "temporarily_overloaded")
                small.state.gate.set()
                assert (await second).status_code == 200

    async def test_leaves_a_task_as_it_was(self, small: FastAPI, http: httpx2.AsyncClient):
        hurry(small, 0.1)
        problem_of(await http.get("/v1/slow/gate"), 503, "temporarily_overloaded")
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    async def test_is_not_what_stops_a_task_from_being_cancelled(self, http: httpx2.AsyncClient):
        with at_the_gate(http, 1) as [waiting]:
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    async def test_without_it_a_request_takes_as_long_as_it_takes(self, http: httpx2.AsyncClient):
        """The control: half a second later nothing has ended it."""
        with at_the_gate(http, 1) as [waiting]:
            await asyncio.wait([waiting], timeout=0.5)
            assert not waiting.done()
