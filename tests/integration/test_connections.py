"""Connections: as many as PostgreSQL allows, none that waits without end, none left behind."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.database import Database, OverloadedError
from sokho.core.infrastructure.database.connection_budget import refuse_unless_connections_suffice
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

APP: Final = "sokho_app"

LIMITS: Final = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}
LIMITS_SINCE_17: Final = {**LIMITS, "transaction_timeout": "30s"}


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def database(scratch: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(scratch.app, pool_size=1)
    yield database
    await database.close()


async def is_refused(database: Database, *, pool_size: int, reserve: int = 5) -> str:
    """Return how two processes with so many connections each are refused; empty if they are not."""
    try:
        await refuse_unless_connections_suffice(
            database, workers=2, pools=pool_size + 2, of_role=pool_size, reserve=reserve
        )
    except OperatorError as error:
        return error.text.en
    return ""


class TestBudget:
    async def test_of_the_server_is_kept_to_the_last_connection(
        self, database: Database, admin: asyncpg.Connection
    ):
        allowed = await admin.fetchval(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true), '0')::int"
        )
        reserve = 4 + allowed % 2
        most = (allowed - reserve) // 2 - 2
        assert await is_refused(database, pool_size=most, reserve=reserve) == ""
        told = await is_refused(database, pool_size=most + 1, reserve=reserve)
        for part in (
            f"open {allowed + 2} connections",
            f"2 processes × {most + 3}",
            f"reserve of {reserve}",
            f"allows {allowed}",
            "max_connections",
            "SOKHO_WORKERS",
            "SOKHO_POOL_SIZE",
            "SOKHO_CONNECTION_RESERVE",
        ):
            assert part in told

    async def test_of_the_database_is_kept_to_the_last_connection(
        self, database: Database, admin: asyncpg.Connection
    ):
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 15")
        assert await is_refused(database, pool_size=3) == ""
        assert "this database" in await is_refused(database, pool_size=4)

    async def test_behind_a_pooler_is_not_looked_at(self, database: Database):
        assert await is_refused(database, pool_size=1000, reserve=-1) == ""
        assert await is_refused(database, pool_size=1000, reserve=0)

    async def test_of_the_role_is_kept_to_the_last_connection(
        self, scratch: DatabaseUrls, admin: asyncpg.Connection
    ):
        """On a role of the test's own: the service's is everybody's."""
        role = f"limited_{uuid4().hex[:12]}"
        password = urlsplit(scratch.app).password
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}' CONNECTION LIMIT 11")
        limited = Database(scratch.app.replace(f"{APP}:", f"{role}:"), pool_size=1)
        try:
            async with limited.unbound() as connection:
                assert await connection.fetchval("SELECT current_user") == role
            assert await is_refused(limited, pool_size=3) == ""
            assert f"the role {role}" in await is_refused(limited, pool_size=4)
        finally:
            await limited.close()
            await admin.execute(f"DROP ROLE {role}")


@pytest.fixture(params=["accepts and is silent", "drops every SYN"])
def silent(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server that does not answer: stopped, or behind a wall."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        if request.param == "drops every SYN":
            for _ in range(3):  # the queue is full
                waiting = opened.enter_context(closing(socket.socket()))
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        yield f"postgresql://{APP}:x@127.0.0.1:{port}/sokho"


class TestSilentDatabase:
    async def test_is_told_within_the_patience_and_so_is_everybody_who_waits(self, silent: str):
        database = Database(silent, pool_size=2, patience=0.3)

        async def look() -> float:
            began = time.monotonic()
            with pytest.raises(OverloadedError):
                async with database.unbound():
                    pass
            return time.monotonic() - began

        # Not a measure of speed: without the bound, connecting alone takes a minute.
        async with asyncio.timeout(5):
            await asyncio.gather(*(look() for _ in range(50)))
            await look()

    async def test_has_room_again_when_it_answers(self, silent: str, urls: DatabaseUrls):
        database = Database(silent, pool_size=1, patience=0.2)
        for _ in range(3):
            with pytest.raises(OverloadedError):
                async with database.unbound():
                    pass
        assert database._pool._taken == 0
        database._pool._dsn = urls.app
        async with database.unbound() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await database.close()


class TestLimitsOfTheRole:
    async def test_are_those_of_every_connection(self, urls: DatabaseUrls):
        connection = await asyncpg.connect(urls.app)
        limits = LIMITS if connection.get_server_version().major < 17 else LIMITS_SINCE_17
        shown = {name: await connection.fetchval(f"SHOW {name}") for name in limits}
        await connection.close()
        assert shown == limits

    @pytest.mark.parametrize("name", ["idle_in_transaction_session_timeout", "transaction_timeout"])
    async def test_end_a_transaction_that_is_left_open(
        self, urls: DatabaseUrls, admin: asyncpg.Connection, name: str
    ):
        if not await admin.fetchval("SELECT 1 FROM pg_settings WHERE name = $1", name):
            pytest.skip(f"this PostgreSQL has no {name}")
        database = Database(urls.app, pool_size=1)
        with pytest.raises(OverloadedError):
            async with database.unbound() as connection:
                await connection.execute(f"SET {name} = '50ms'")
                await connection.execute("BEGIN; SELECT 1")
                await asyncio.sleep(0.3)
                await connection.execute("SELECT 1")
        async with database.unbound() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await database.close()

    async def test_end_a_wait_for_a_lock(self, scratch: DatabaseUrls, admin: asyncpg.Connection):
        connection = await asyncpg.connect(scratch.app)
        await connection.execute("SET lock_timeout = '50ms'")
        async with admin.transaction():
            await admin.execute("LOCK TABLE items")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await connection.execute("SELECT * FROM items")
        await connection.close()
