"""One connection that reads as the operator or as the service, and leaves nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from time import monotonic
from typing import Final

import asyncpg

from sokho.core.infrastructure.database.isolation.catalogue import Catalogue
from sokho.core.infrastructure.database.isolation.policies import quoted
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.database.transaction import Row

_TIMEOUT: Final = "2s"
"""Of each probe: a check must not slow a service down."""

_BUDGET_SECONDS: Final = 90.0
"""Of all probes together."""

_UNDECIDED: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
)


class Answer(Enum):
    """What became of a probe."""

    NOTHING = "nothing"
    """No row was seen or written."""

    ROWS = "rows"
    REFUSED = "refused"
    VIOLATED = "violated"
    """A constraint refused it: row-level security, which comes before, had let it pass."""

    UNDECIDED = "undecided"
    """It took too long."""


class Prober:
    """Runs each probe in a subtransaction that is undone."""

    def __init__(self, connection: Connection, catalogue: Catalogue, *, as_other: bool) -> None:
        self._connection = connection
        self._setting = catalogue.target.tenant_setting
        self._become = f"SET LOCAL ROLE {quoted(catalogue.app.name)};" if as_other else ""
        self._end = monotonic() + _BUDGET_SECONDS

    async def as_app(self, statement: str, tenant: str | None = None) -> Answer:
        """Run `statement` as the service, with `tenant` bound; with None, nothing is bound."""
        bind = "" if tenant is None else f"{_bind(self._setting, tenant)};"
        try:
            if monotonic() > self._end:
                return Answer.UNDECIDED
            tag = await self._connection.execute(
                f"ROLLBACK TO SAVEPOINT probe; {bind} {self._become} {statement}"
            )
        except _UNDECIDED:
            return Answer.UNDECIDED
        except asyncpg.IntegrityConstraintViolationError:
            return Answer.VIOLATED
        except asyncpg.PostgresError:
            return Answer.REFUSED
        return Answer.NOTHING if tag.endswith(" 0") else Answer.ROWS

    async def as_operator(self, statement: str, *arguments: object) -> Row | None:
        """Return the first row of `statement`; None where there is none or it took too long."""
        try:
            await self._connection.execute("ROLLBACK TO SAVEPOINT probe")
            if monotonic() > self._end:
                return None
            return await self._connection.fetchrow(statement, *arguments)
        except asyncpg.PostgresError:
            return None

    async def prepare(self, statement: str) -> None:
        """Run `statement` as the operator; it stays until the end of all probes."""
        await self._connection.execute(
            f"ROLLBACK TO SAVEPOINT probe; {statement}; RELEASE SAVEPOINT probe; SAVEPOINT probe"
        )


@asynccontextmanager
async def probing(
    connection: Connection, catalogue: Catalogue, *, read_only: bool
) -> AsyncIterator[Prober | None]:
    """Yield a prober inside a transaction that is rolled back; None where nobody may be probed.

    Whoever connects has to be the service's role, or be able to become it.
    """
    who: str = await connection.fetchval("SELECT current_user")
    as_other = who != catalogue.app.name
    kind = "READ ONLY" if read_only else "READ WRITE"
    await connection.execute(
        f"BEGIN ISOLATION LEVEL READ COMMITTED, {kind};"
        f"SET LOCAL search_path = ''; SET LOCAL statement_timeout = '{_TIMEOUT}';"
        "SET LOCAL lock_timeout = '1s'; SAVEPOINT probe"
    )
    try:
        prober = Prober(connection, catalogue, as_other=as_other)
        # A control: what is seen has to be told.
        seen = await prober.as_app("SELECT FROM (VALUES (1)) AS control (number)")
        yield prober if seen is Answer.ROWS else None
    finally:
        await connection.execute("ROLLBACK")


def _bind(setting: str, tenant: str) -> str:
    return f"SELECT pg_catalog.set_config({literal(setting)}, {literal(tenant)}, true)"


def literal(text: str) -> str:
    """Return a text as an SQL string, whatever it is made of."""
    escaped = text.replace("'", "''")
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if chr(92) in text else f"'{escaped}'"
