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

    A worker that cannot start ends the whole service, so one that replaces another must not give
    up while PostgreSQL is restarting. Raises as `refuse_unless_sealed`.
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
