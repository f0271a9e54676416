"""Bring a database to the newest version of the schema, as the owner and never as the service."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.policies import OWNER_ROLE
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.database.roles import prepare_roles

MIGRATIONS: Final = Path(__file__).parents[3] / "migrations"

VERSION_TABLE: Final = "alembic_version"

PREAMBLE: Final = (
    f"SET LOCAL ROLE {OWNER_ROLE}",
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL statement_timeout = '10min'",
)
"""What each run begins with: who waits for a lock holds up everybody behind it."""

_FAILED: Final = Text(
    vi="Không nâng cấp được cơ sở dữ liệu: {reason}",
    en="The database could not be migrated: {reason}",
)

_ONE_AT_A_TIME: Final = 0x736F6B686F  # an advisory lock's number: "sokho"


@cache
def latest_revision() -> str:
    """Return the newest revision shipped: they are numbered and in one line, by a test."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def current_revision(connection: Connection) -> str | None:
    """Return the database's revision, or None where nothing has been migrated yet."""
    try:
        revision: str | None = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")
    except asyncpg.UndefinedTableError:
        return None
    return revision


def migrate(
    *, admin_dsn: str, app_dsn: str, worker_dsn: str | None, revision: str = "head"
) -> None:
    """Create the roles and move the schema to `revision`, all or nothing.

    `admin_dsn` must be able to create roles; the schema itself is changed as the owner.
    Raises `OperatorError` when the database cannot be reached or refuses.
    """
    # Imported here: they take a good part of a second, which a start that has nothing to
    # migrate need not spend.
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    try:
        asyncio.run(_migrate(admin_dsn, app_dsn, worker_dsn, revision))
    except DBAPIError as error:
        raise OperatorError(_FAILED.format(reason=error.orig)) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, CommandError) as error:
        raise OperatorError(_FAILED.format(reason=error)) from error


async def _migrate(admin_dsn: str, app_dsn: str, worker_dsn: str | None, revision: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute(f"SELECT pg_advisory_lock({_ONE_AT_A_TIME})")
        await prepare_roles(admin, app_dsn=app_dsn, worker_dsn=worker_dsn)
    finally:
        await admin.close()

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(admin_dsn),
        poolclass=NullPool,
    )
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
        for statement in PREAMBLE:
            await connection.exec_driver_sql(statement)
        await connection.run_sync(_run_alembic, revision)


def _run_alembic(connection: object, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
