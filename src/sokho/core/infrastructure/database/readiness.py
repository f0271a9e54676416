"""May the service serve from this database? Asked at start, and by ``/readyz``."""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Final

import asyncpg

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.database import Database
from sokho.core.infrastructure.database.migrate import current_revision, latest_revision
from sokho.core.infrastructure.database.pool import OverloadedError
from sokho.core.infrastructure.database.seal import find_leaks

UNREACHABLE = Text(
    vi="Không kết nối được với cơ sở dữ liệu: {reason}",
    en="The database cannot be reached: {reason}",
)
OTHER_VERSION = Text(
    vi="Cơ sở dữ liệu ở phiên bản {current}, dịch vụ cần {latest}; hãy chạy “sokho migrate”.",
    en='The database is at version {current}, the service needs {latest}; run "sokho migrate".',
)
NEWER = Text(
    vi="Cơ sở dữ liệu ở phiên bản {current}, mới hơn dịch vụ ({latest}); hãy nâng cấp Sokho.",
    en="The database is at version {current}, newer than the service ({latest}); update Sokho.",
)
_PATIENCE_SECONDS: Final = 30.0
"""Longer than PostgreSQL takes to recover from a crash, mostly."""

_PAUSE_SECONDS: Final = 0.5

_OLD_AFTER_SECONDS: Final = 1.0

_UNSEALED = Text(
    vi="Dịch vụ không khởi động vì dữ liệu các doanh nghiệp chưa được tách biệt:\n{findings}",
    en="The service does not start because tenants are not sealed:\n{findings}",
)


class UnreachableError(OperatorError):
    """The database cannot be reached just now."""


async def is_ready(database: Database) -> bool:
    """Whether the database answers and has the schema that this version needs."""
    try:
        async with database.unbound() as connection:
            return await current_revision(connection) == latest_revision()
    except (OverloadedError, asyncpg.PostgresError):
        return False


class Readiness:
    """Whether a database is ready, for many who ask: it is looked at once a second at most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look: asyncio.Task[bool] | None = None
        self._began = 0.0

    async def look(self) -> bool:
        """Return what `is_ready` does, or did less than a second ago."""
        is_old = monotonic() - self._began >= _OLD_AFTER_SECONDS
        if self._look is None or (is_old and self._look.done()):
            self._began = monotonic()
            self._look = asyncio.create_task(is_ready(self._database))
        return await asyncio.shield(self._look)  # whoever leaves does not end it for the others


async def refuse_unless_sealed(database: Database) -> None:
    """Raise `OperatorError` when the role is privileged, or the schema old or not sealed.

    Raises `UnreachableError` when the database does not tell.
    """
    try:
        async with database.unbound() as connection:
            current, latest = await current_revision(connection), latest_revision()
            leaks = await find_leaks(connection)
    except (OverloadedError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnreachableError(UNREACHABLE.format(reason=error.__cause__ or error)) from error
    if current != latest and not any(leak.code == "privileged_role" for leak in leaks):
        text = NEWER if (current or "0") > latest else OTHER_VERSION
        raise OperatorError(text.format(current=current or "0", latest=latest))
    if leaks:
        raise OperatorError(
            Text(
                vi=_UNSEALED.vi.format(findings=_listed(leak.line.vi for leak in leaks)),
                en=_UNSEALED.en.format(findings=_listed(leak.line.en for leak in leaks)),
            )
        )


async def wait_until_sealed(database: Database, *, patience: float = _PATIENCE_SECONDS) -> None:
    """Do as `refuse_unless_sealed`, and give a database that cannot be reached some seconds.

    A service none of whose workers can start ends, and must not while PostgreSQL is restarting.
    Raises as `refuse_unless_sealed`.
    """
    end = monotonic() + patience
    while True:
        try:
            return await refuse_unless_sealed(database)
        except UnreachableError:
            if monotonic() > end:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"  - {line}" for line in lines)
