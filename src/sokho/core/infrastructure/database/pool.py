"""A thin pool of driver connections: last in, first out, and no round trip of its own.

A connection comes back only when it is outside a transaction; one in any doubt is closed.
The tenant is bound transaction-locally, so nothing has to be reset between two users
(`docs/decisions/0005-binding-the-tenant.md`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeAlias

import asyncpg

from sokho.core.domain.errors import DomainError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.codecs import INSTANTS_IN_ISO_AND_UTC, set_codecs

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

UNREACHABLE: Final = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,  # the connection went away under the statement
    asyncpg.InternalClientError,  # … so early that the driver loses its place
)
"""What the driver raises when the database cannot be reached just now."""

PATIENCE_SECONDS: Final = 1.0
"""How long a request waits for a connection."""

_CLOSE_TIMEOUT_SECONDS: Final = 5.0

_ANSWER_TIMEOUT_SECONDS: Final = 8.0
"""Longer than the server's own limits: for a server that does not answer at all."""


class OverloadedError(DomainError):
    """No connection was free in time, or the database cannot be reached just now."""

    code = "temporarily_overloaded"
    text = Text(
        vi="Hệ thống đang quá tải hoặc tạm thời gián đoạn; vui lòng thử lại sau giây lát.",
        en="The service is overloaded or briefly interrupted; please retry in a moment.",
    )


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """How busy a pool is."""

    size: int
    in_use: int
    waiting: int
    refusals: int
    """How many connections were not to be had, since the start."""


class CollisionError(OverloadedError):
    """Another transaction was in the way.

    PostgreSQL has undone all of this one, so whoever knows the whole work may try it again.
    """


class Pool:
    """At most `size` connections to `dsn`; who waits longer than `patience` is refused."""

    def __init__(
        self,
        dsn: str,
        *,
        size: int,
        patience: float = PATIENCE_SECONDS,
        prepared_statements: bool = True,
    ) -> None:
        self._dsn = dsn
        self._size = size
        self._patience = patience
        self._statement_cache = 512 if prepared_statements else 0
        self._free: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = 0
        self._refusals = 0

    @property
    def keeps_statements(self) -> bool:
        """Whether the driver sends a statement's values alone, where it has sent it before."""
        return self._statement_cache > 0

    @property
    def usage(self) -> PoolUsage:
        """How busy the pool is just now."""
        waiting = sum(not turn.done() for turn in self._waiting)
        return PoolUsage(self._size, self._taken, waiting, self._refusals)

    async def acquire(self) -> Connection:
        """Return a connection outside any transaction; raises `OverloadedError`.

        Waiting and connecting take no longer than the patience together, or half as much
        again: who got a place late needs time to connect, or nobody would ever do so.
        """
        patience = self._patience
        if self._taken >= self._size:
            began = monotonic()
            await self._wait_for_turn()
            patience = max(patience / 2, patience - (monotonic() - began))
        else:
            self._taken += 1
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        try:
            return await _open_connection(
                self._dsn, patience=patience, statement_cache=self._statement_cache
            )
        except BaseException as error:
            self._leave()
            if isinstance(error, UNREACHABLE):
                self._refusals += 1
                raise OverloadedError from error
            raise

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection for what leaves no transaction open; raises `OverloadedError`."""
        connection = await self.acquire()
        try:
            yield connection
        except BaseException as error:
            self.release_after(error, connection)
            if isinstance(error, UNREACHABLE):
                raise OverloadedError from error
            raise
        self.release(connection)

    def release(self, connection: Connection) -> None:
        """Take back a connection; one that is closed or inside a transaction is dropped."""
        if connection.is_closed() or connection.is_in_transaction():
            self.discard(connection)
            return
        self._free.append(connection)
        self._leave()

    def release_after(self, error: BaseException, connection: Connection) -> None:
        """Take back a connection whose last statement raised `error`.

        After an error that PostgreSQL itself told, it is as good as before; else it is dropped.
        """
        told = isinstance(error, asyncpg.PostgresError)
        (self.release if told else self.discard)(connection)

    def discard(self, connection: Connection) -> None:
        """Drop a connection whose state is in doubt, without waiting for the server."""
        connection.terminate()
        self._leave()

    async def close(self) -> None:
        """Close every free connection."""
        while self._free:
            await self._free.pop().close(timeout=_CLOSE_TIMEOUT_SECONDS)

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        refusal = loop.call_later(self._patience, self._refuse, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self._leave()  # the turn came in the same instant: pass it on
            raise
        finally:
            refusal.cancel()

    def _leave(self) -> None:
        """Give this place to whoever waits longest, or leave it empty."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1

    def _refuse(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._refusals += 1
            turn.set_exception(OverloadedError())


async def _open_connection(dsn: str, *, patience: float, statement_cache: int) -> Connection:
    """Open one driver connection with Sokho's settings and codecs."""
    async with asyncio.timeout(patience):
        return await _connected(dsn, statement_cache)


async def _connected(dsn: str, statement_cache: int) -> Connection:
    connection: Connection = await asyncpg.connect(
        dsn,
        command_timeout=_ANSWER_TIMEOUT_SECONDS,
        statement_cache_size=statement_cache,
        max_cached_statement_lifetime=0,
        server_settings={"application_name": "sokho", **INSTANTS_IN_ISO_AND_UTC},
    )
    try:
        await set_codecs(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection
