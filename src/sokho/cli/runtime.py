"""The database that a command works on: the one that is set, else the embedded one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import Database, OverloadedError
from sokho.core.infrastructure.database.migrate import current_revision, latest_revision, migrate
from sokho.core.infrastructure.database.readiness import OTHER_VERSION, UNREACHABLE
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres, default_data_dir
from sokho.core.infrastructure.settings import Settings, export

_T = TypeVar("_T")

_PATIENCE_SECONDS = 10.0  # a command has more time than a request


def data_dir(settings: Settings) -> Path:
    """Return the folder of the embedded database, the secret and the demo's keys."""
    return settings.data_dir or default_data_dir()


@contextmanager
def running_database(
    *, migrated: bool = True
) -> Iterator[tuple[Settings, EmbeddedPostgres | None]]:
    """Yield settings whose database runs.

    The embedded one is started, or joined where another process runs it already, brought to
    the newest version, and left at the end. A database that is set is taken as it is.
    """
    settings = Settings.load()
    if settings.database_url is not None:
        yield settings, None
        return
    folder = data_dir(settings)
    postgres = EmbeddedPostgres(folder)
    urls = postgres.start()
    try:
        export(
            database_url=urls.app,
            worker_database_url=urls.worker,
            admin_database_url=urls.admin,
            data_dir=folder,
        )
        settings = Settings.load()
        if migrated:
            _migrate_if_old(settings)
        yield settings, postgres
    finally:
        postgres.stop()


def with_database(settings: Settings, work: Callable[[Database], Awaitable[_T]]) -> _T:
    """Run `work` on the service's own role."""
    return _run(settings.url("database_url"), work)


def with_worker_database(settings: Settings, work: Callable[[Database], Awaitable[_T]]) -> _T:
    """Run `work` on the role that may see which businesses exist."""
    return _run(settings.url("worker_database_url"), work)


def refuse_if_set(settings: Settings) -> None:
    """Raise `OperatorError` where a database is set: the embedded one is not in use."""
    if settings.database_url is not None:
        raise OperatorError(
            Text(
                vi="SOKHO_DATABASE_URL đang được đặt nên không dùng cơ sở dữ liệu nhúng.",
                en="SOKHO_DATABASE_URL is set, so the embedded database is not in use.",
            )
        )


def _run(dsn: str, work: Callable[[Database], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        prepared = Settings.load().prepared_statements
        database = Database(
            dsn, pool_size=1, patience=_PATIENCE_SECONDS, prepared_statements=prepared
        )
        try:
            return await work(database)
        except asyncpg.UndefinedTableError as error:
            latest = latest_revision()
            raise OperatorError(OTHER_VERSION.format(current="0", latest=latest)) from error
        except (OverloadedError, asyncpg.PostgresError) as error:
            raise OperatorError(UNREACHABLE.format(reason=error.__cause__ or error)) from error
        finally:
            await database.close()

    return asyncio.run(run())


def _migrate_if_old(settings: Settings) -> None:
    admin = settings.url("admin_database_url")

    async def revision(database: Database) -> str | None:
        async with database.unbound() as connection:
            return await current_revision(connection)

    if _run(admin, revision) != latest_revision():
        migrate(
            admin_dsn=admin,
            app_dsn=settings.url("database_url"),
            worker_dsn=settings.url("worker_database_url"),
        )
