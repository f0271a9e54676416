"""The database as the rest of the program sees it: transactions, each bound to one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sokho.core.domain.identity import COMMAND_LINE, Origin
from sokho.core.infrastructure.database.clock import DatabaseClock
from sokho.core.infrastructure.database.pool import (
    PATIENCE_SECONDS,
    Connection,
    Pool,
    PoolUsage,
)
from sokho.core.infrastructure.database.reading import ReadTransaction
from sokho.core.infrastructure.database.transaction import Transaction, WriteTransaction


class Database:
    """One PostgreSQL, reached as one role through one pool."""

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int,
        patience: float = PATIENCE_SECONDS,
        prepared_statements: bool = True,
    ) -> None:
        self._pool = Pool(
            dsn, size=pool_size, patience=patience, prepared_statements=prepared_statements
        )
        self.clock = DatabaseClock(self._ask_for_time)

    def transaction(
        self, tenant_id: UUID, *, read_only: bool = False, origin: Origin = COMMAND_LINE
    ) -> Transaction:
        """Return a transaction bound to `tenant_id`, for ``async with``.

        It commits when the block ends and rolls back when the block raises. With
        `read_only` each SELECT is a round trip of its own, on its own snapshot. `origin` is
        what events will tell of who made the changes.
        """
        if read_only:
            return ReadTransaction(self._pool, tenant_id)
        return WriteTransaction(self._pool, tenant_id, origin)

    @property
    def usage(self) -> PoolUsage:
        """How busy the pool is just now."""
        return self._pool.usage

    @asynccontextmanager
    async def unbound(self) -> AsyncIterator[Connection]:
        """Lend a bare connection with no tenant bound: every sealed table refuses it.

        For what concerns the database itself (its version, its catalogue, its clock) and for
        the operator's list of businesses; nothing that reads a tenant's rows.
        """
        async with self._pool.lend() as connection:
            yield connection

    async def _ask_for_time(self) -> datetime:
        async with self.unbound() as connection:
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return now

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()
