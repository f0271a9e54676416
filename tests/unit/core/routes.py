"""Routes without a service behind them, and dependencies that tell when they ran."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from sokho.core.infrastructure.http.application import Application
from sokho.core.infrastructure.http.routing import PreparedRoute
from tests.conftest import client_of

Endpoint = Callable[..., Any]


class Body(BaseModel):
    """Whatever a client may send."""

    name: str


class Log(list[str]):
    """What happened, in order; its methods are the dependencies of the routes below."""

    async def plain(self) -> str:
        self.append("plain")
        return "plain"

    async def bound(self) -> AsyncIterator[str]:
        self.append("begin")
        try:
            yield "bound"
        except BaseException as error:
            self.append(f"rollback {type(error).__name__}")
            raise
        self.append("commit")

    async def to_be_left(self) -> AbstractAsyncContextManager[str]:
        return asynccontextmanager(self.bound)()


def declare(endpoint: Endpoint, *, method: str = "POST") -> APIRouter:
    router = APIRouter(route_class=PreparedRoute)
    router.add_api_route("/things/{thing_id}", endpoint, methods=[method], response_model=None)
    return router


def served(*routers: APIRouter) -> httpx2.AsyncClient:
    app = Application()
    app.add_routes(*routers)
    return client_of(app)


OK = Response(b"ok")
