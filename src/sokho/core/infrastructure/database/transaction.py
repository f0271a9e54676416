"""A tenant-bound transaction: the only way for a repository to reach the database.

It takes a connection at its first statement, so a request that is refused before costs
none, and no statement can run before the tenant is bound.
"""

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Final, Self, TypeVar
from uuid import UUID

import asyncpg

from sokho.core.infrastructure.database.pool import (
    UNREACHABLE,
    Connection,
    OverloadedError,
    Pool,
)
from sokho.core.infrastructure.database.statements import TENANT_SETTING, Statement

Row = asyncpg.Record
"""What a statement returns: values by column name."""

_T = TypeVar("_T")

_OVERLOADED: Final = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a failover left us on the standby
)

# A distributed table's shards carry the constraint's name with a number behind it.
_SHARD_SUFFIX: Final = re.compile(r"_\d+$")


class ConstraintViolationError(Exception):
    """A statement broke the constraint named `constraint`; repositories translate it."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        super().__init__(constraint)


class Transaction(ABC):
    """Statements of one tenant. One at a time: a connection cannot run two."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        self._pool = pool
        self._busy = False
        self.tenant_id = tenant_id
        self.round_trips = 0

    async def fetch_all(self, statement: Statement, **values: object) -> list[Row]:
        """Run `statement` and return its rows.

        Raises `ConstraintViolationError`, and `OverloadedError` when the database cannot answer
        in time. `values` are the statement's parameters by name, without the tenant.
        """
        if self._busy:
            raise RuntimeError("a transaction runs one statement at a time")
        self._busy = True
        try:
            return await self._run(statement, values)
        except asyncpg.IntegrityConstraintViolationError as error:
            name = error.constraint_name or ""
            raise ConstraintViolationError(_SHARD_SUFFIX.sub("", name)) from error
        except (*_OVERLOADED, *UNREACHABLE) as error:
            raise OverloadedError from error
        finally:
            self._busy = False

    async def fetch_one(self, statement: Statement, **values: object) -> Row | None:
        """Run `statement` and return its first row, if there is one; raises as `fetch_all`."""
        rows = await self.fetch_all(statement, **values)
        return rows[0] if rows else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Commit when the block ended well, roll back when it raised."""
        await (self.commit() if error is None else self.rollback())

    @abstractmethod
    async def commit(self) -> None:
        """Make the work durable and visible, and end."""

    @abstractmethod
    async def rollback(self) -> None:
        """Undo the work, and end."""

    @abstractmethod
    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        """Bind the tenant if that is still to be done, and run."""


class WriteTransaction(Transaction):
    """BEGIN with the tenant bound, the statements, COMMIT: a round trip each."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        super().__init__(pool, tenant_id)
        self._connection: Connection | None = None
        self._over = False
        self._failed = False

    async def commit(self) -> None:
        """Commit.

        Raises `RuntimeError` when a statement failed and the failure was swallowed:
        PostgreSQL answers such a COMMIT with a silent ROLLBACK.
        """
        if self._failed:
            await self.rollback()
            raise RuntimeError("a statement of this transaction failed: it was rolled back")
        await self._end("COMMIT")

    async def rollback(self) -> None:
        """Roll back; a connection that cannot even do that is closed, which undoes the work."""
        with contextlib.suppress(OverloadedError):
            await self._end("ROLLBACK")

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        if self._over or self._failed:
            raise RuntimeError("this transaction has ended or failed")
        arguments = statement.arguments(self.tenant_id, values)
        connection = self._connection or await self._begin()
        return await self._round_trip(connection.fetch(statement.text, *arguments))

    async def _begin(self) -> Connection:
        if not isinstance(self.tenant_id, UUID):
            raise TypeError("a tenant is a uuid.UUID")  # it becomes a literal just below
        connection = self._connection = await self._pool.acquire()
        # SET LOCAL takes no parameter, and Citus passes it on to its workers, set_config not.
        bind = f"BEGIN; SET LOCAL {TENANT_SETTING} = '{self.tenant_id}'"
        await self._round_trip(connection.execute(bind))
        return connection

    async def _end(self, command: str) -> None:
        self._over = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self.round_trips += 1
        try:
            await connection.execute(command)
        except BaseException as error:
            self._pool.discard(connection)  # what is left of the work goes with it
            if isinstance(error, (*_OVERLOADED, *UNREACHABLE)):
                raise OverloadedError from error
            raise
        self._pool.release(connection)

    async def _round_trip(self, call: Awaitable[_T]) -> _T:
        """Await the driver; a connection whose state is then in doubt is closed."""
        self.round_trips += 1
        try:
            return await call
        except BaseException as error:
            self._failed = True
            if self._connection is not None and not isinstance(error, asyncpg.PostgresError):
                connection, self._connection = self._connection, None
                self._pool.discard(connection)
            raise


class ReadTransaction(Transaction):
    """Each SELECT binds the tenant and answers in one round trip, on its own snapshot.

    Nothing is held between two statements, and nothing but a SELECT can run.
    """

    async def commit(self) -> None:
        """Nothing was written."""

    async def rollback(self) -> None:
        """Nothing was written."""

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        if statement.one_trip is None:
            raise RuntimeError("a read runs nothing but a SELECT of the tenant's rows")
        arguments = statement.one_trip_arguments(self.tenant_id, values)
        async with self._pool.lend() as connection:
            self.round_trips += 1
            return await connection.fetch(statement.one_trip, *arguments)
