"""Clients that leave at any moment leave nothing open behind them."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from sokho.app import create_app
from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.api.wire import Server, listening, port_of
from tests.conftest import close, settings_for

CLIENTS: Final = 120
POOL: Final = 3
_OPEN: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'sokho_app' AND state <> 'idle'
"""
_WORK_DONE: Final = """
SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM events WHERE type = 'item.created')
"""

router = APIRouter(prefix="/v1/leak", route_class=PreparedRoute)


@router.get("", response_model=None)
async def leave_a_transaction_open(
    request: Request, _: Annotated[UUID, tenant_with(Scope.ITEMS_READ)]
) -> Response:
    """Do what no route may: the control of the tests here."""
    connection = await request.app.state.database._pool.acquire()
    await connection.execute("BEGIN; SELECT 1")
    request.app.state.leaked = connection
    return Response()


@dataclass(frozen=True)
class Place:
    """A service on a database of its own, and somebody who looks at both."""

    app: FastAPI
    running: uvicorn.Server
    admin: asyncpg.Connection
    key: str

    async def leave(self, start: str, body: bytes, sends: float, waits: float) -> None:
        """Send a part of a request, wait for a moment, and hang up; a half of them rudely."""
        server = Server(port_of(self.running), self.key)
        whole = server.request(f"Content-Length: {len(body)}", start=start) + body
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(self.running))
        writer.write(whole[: int(len(whole) * sends)])
        await asyncio.sleep(waits)
        (writer.transport.abort if waits > 0.25 else writer.close)()

    async def what_is_left(self) -> tuple[int, int, int, int]:
        """Return what is open once all is quiet: connections, tasks, places, sessions."""
        left = (1, 0, 0, 0)
        for _ in range(100):
            state = self.running.server_state
            taken = self.app.state.database._pool._taken
            sessions = await self.admin.fetchval(_OPEN)
            left = (len(state.connections), len(state.tasks), taken, sessions)
            if not any(left):
                break
            await asyncio.sleep(0.02)
        return left


@pytest.fixture
async def place(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Place]:
    app = create_app(settings_for(scratch, pool_size=POOL))
    app.router.routes[:0] = router.routes
    opened = await open_business(app.state.database, derived_keys, "Quán")
    admin = await asyncpg.connect(scratch.admin)
    async with listening(app) as running:
        yield Place(app, running, admin, opened.api_key)
    await admin.close()
    await close(app)


class TestLeaving:
    async def test_leaves_nothing_open_and_no_half_done_work(self, place: Place):
        chance = random.Random(10)
        leaving = []
        for number in range(CLIENTS):
            body = b'{"sku": "S%d", "name": "B"}' % number
            start = chance.choice(["POST /v1/items", "GET /v1/items"])
            sends = chance.choice([chance.random(), 1.0, 1.0])
            leaving.append(place.leave(start, body, sends, chance.random() / 2))
        await asyncio.gather(*leaving)
        assert await place.what_is_left() == (0, 0, 0, 0)
        done = await place.admin.fetchrow(_WORK_DONE)
        assert done is not None
        items, events = done
        assert 0 < items == events <= CLIENTS

    async def test_is_found_where_something_stays(self, place: Place):
        """The control: a route that keeps its transaction is seen."""
        await place.leave("GET /v1/leak", b"", 1.0, 0.3)
        assert await place.what_is_left() == (0, 0, 1, 1)
        place.app.state.leaked.terminate()
