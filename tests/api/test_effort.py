"""What a request costs in this process: nothing compiled, nothing validated twice, few calls."""

import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import ASGIApp

from benchmarks.calling import answer_of
from sokho.core.application.dto import ResponseModel
from sokho.core.infrastructure.database import Statement, Transaction
from sokho.core.infrastructure.http.answering import _ORDINARY
from sokho.core.infrastructure.http.responses import Representation
from sokho.modules.items.application.dto import ItemCreate, ItemResponse
from sokho.modules.items.domain.service import ItemService
from tests.api.documented import DOCUMENTED, Documented
from tests.api.effort import Effort, counted
from tests.api.stocked import Store
from tests.api.traced import TRACES, Shop, prepare
from tests.conftest import Business, client_of

SLACK: Final = 1.05

CALLS: Final = {
    "get": 133,
    "list": 274,
    "create": 200,
    "movement": 272,
}
"""The most calls of Python functions that a warm request may take, give or take `SLACK`.

Some five of them are the caller's.

For new figures run this file: the test that fails tells what it counted of each operation. They are
of Python 3.11; later versions call less, since comprehensions are no functions there.
"""


@pytest.fixture
def connect(fresh_app: FastAPI) -> Callable[[str], httpx2.AsyncClient]:
    return lambda api_key: client_of(fresh_app, api_key)


async def effort_of(
    operation: Documented, connect: Callable[[str], httpx2.AsyncClient], database: Any
) -> Effort:
    """Return what a second call of an operation takes, that does the same as the first."""
    for _ in range(2):
        shop = await Shop.opened(database, connect)
        name = repr(operation)
        path, trace = operation.path, TRACES.get(name)
        await prepare(shop, f"DELETE {path}" if trace is None else name)  # what is read is there
        if trace is None:
            query = "&".join(f"{each}={{{each}}}" for each in operation.required("query"))
            path = f"{path}?{query}" if query else path
        with counted() as effort:
            answer = await shop.call(operation.method, path, trace and trace.body)
        assert answer.status_code < 300, answer.text
    return effort


def shown_models(model: type[ResponseModel] = ResponseModel) -> Iterator[str]:
    """Yield the names of all models that answers are made of."""
    for each in model.__subclasses__():
        yield each.__name__
        yield from shown_models(each)


@pytest.mark.parametrize("operation", DOCUMENTED, ids=repr)
async def test_a_second_request_compiles_nothing_and_validates_nothing_twice(
    operation: Documented, fresh_app: FastAPI, connect: Callable[[str], httpx2.AsyncClient]
):
    effort = await effort_of(operation, connect, fresh_app.state.database)
    assert effort.compiled == 0
    assert effort.validated_twice == []
    assert effort.validated.keys().isdisjoint(shown_models())


def test_the_headers_of_what_succeeds_are_written_in_one_go():
    told = {
        name.lower().encode()
        for operation in DOCUMENTED
        for status, answer in operation.entry["responses"].items()
        if status < "400"
        for name in answer.get("headers", {})
    }
    assert b"sokho-sync-watermark" in told
    assert told <= _ORDINARY


class TestControls:
    """What the test above is against is planted, and seen."""

    @pytest.fixture
    async def shop(self, fresh_app: FastAPI, connect: Callable[[str], httpx2.AsyncClient]) -> Shop:
        return await Shop.opened(fresh_app.state.database, connect)

    async def test_a_statement_compiled_for_each_request_is_seen(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ):
        fetch_all = Transaction.fetch_all

        async def compiling(self: Transaction, statement: Statement, **values: object) -> Any:
            return await fetch_all(self, Statement(statement.clause), **values)

        monkeypatch.setattr(Transaction, "fetch_all", compiling)
        for _ in range(2):
            with counted() as effort:
                await shop.call("GET", "/v1/items")
        assert effort.compiled > 0

    async def test_an_answer_that_is_validated_is_seen(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ):
        shown = Representation.one

        def validating(self: Representation, entity: object, **how: Any) -> Any:
            ItemResponse.model_validate(entity)
            return shown(self, entity, **how)

        monkeypatch.setattr(Representation, "one", validating)
        with counted() as effort:
            await shop.call("POST", "/v1/items", {"sku": "A", "name": "B"})
        assert not effort.validated.keys().isdisjoint(shown_models())

    async def test_a_body_that_is_validated_twice_is_seen(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ):
        create = ItemService.create

        async def validating(self: ItemService, tenant_id: Any, **given: Any) -> Any:
            ItemCreate.model_validate(given)
            return await create(self, tenant_id, **given)

        monkeypatch.setattr(ItemService, "create", validating)
        with counted() as effort:
            await shop.call("POST", "/v1/items", {"sku": "A", "name": "B"})
        assert effort.validated_twice == ["ItemCreate"]


class Caller:
    """Calls an ASGI application as a server does, and counts; each request is made three times.

    A key is looked up again after some seconds: the least of the three is what is counted.
    """

    def __init__(self, app: ASGIApp, business: Business) -> None:
        self._app = app
        self._key = business.api_key

    async def calls(self, method: str, path: str, body: Callable[[], object] | None = None) -> int:
        """Return how many Python functions a warm request calls."""
        efforts = [await self._effort(method, path, body) for _ in range(4)]
        return min(effort.calls for effort in efforts[1:])

    async def _effort(self, method: str, path: str, body: Callable[[], object] | None) -> Effort:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        if path.startswith("/v1/stock/"):
            headers["idempotency-key"] = str(uuid4())
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        content = b"" if body is None else json.dumps(body()).encode()
        with counted() as effort:
            await answer_of(self._app, method, path, lines, content)
        return effort


async def counts(app: ASGIApp, business: Business) -> dict[str, int]:
    """Return the calls of each operation that has a bound."""
    store = await Store.opened(business)
    await store.receive("1000")
    await store.issue("1")
    skus = map(str, count())
    for n in range(50):
        await business.http.post("/v1/items", json={"sku": f"L{n}", "name": "B", "tags": ["t"]})
    caller = Caller(app, business)
    line = store.line("1", store.here)
    operations: dict[str, Awaitable[int]] = {
        "get": caller.calls("GET", f"/v1/items/{store.item_id}"),
        "list": caller.calls("GET", "/v1/items?limit=50"),
        "create": caller.calls("POST", "/v1/items", lambda: {"sku": next(skus), "name": "B"}),
        "movement": caller.calls(
            "POST", "/v1/stock/transactions", lambda: {"type": "issue", "lines": [line]}
        ),
    }
    return {name: await calls for name, calls in operations.items()}


class TestCalls:
    async def test_of_a_request_are_few(self, app: FastAPI, business: Business):
        found = await counts(app, business)
        assert {name for name, calls in found.items() if calls > CALLS[name] * SLACK} == set(), (
            found
        )

    async def test_of_a_slow_layer_are_too_many(self, app: FastAPI, business: Business):
        """The control."""

        async def pass_on(request: Any, go_on: Any) -> Any:
            return await go_on(request)

        found = await counts(BaseHTTPMiddleware(app, pass_on), business)
        assert {name for name, calls in found.items() if calls > CALLS[name] * SLACK} == {*CALLS}
