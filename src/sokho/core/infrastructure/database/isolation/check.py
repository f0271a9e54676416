"""Are tenants sealed from each other in this database? Every check, one after the other."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.isolation.borrowed_rights import (
    find_in_functions,
    find_in_views,
)
from sokho.core.infrastructure.database.isolation.catalogue import Catalogue, load
from sokho.core.infrastructure.database.isolation.probes import find_in_reads, find_in_writes
from sokho.core.infrastructure.database.isolation.report import Finding, Report
from sokho.core.infrastructure.database.isolation.roles import find_in_roles
from sokho.core.infrastructure.database.isolation.tables import find_in_tables
from sokho.core.infrastructure.database.isolation.target import Target
from sokho.core.infrastructure.database.isolation.themes import find_by_sql
from sokho.core.infrastructure.database.pool import Connection

OLDEST_MAJOR: Final = 15

_CONNECT_SECONDS: Final = 10.0

_NO_ROLE: Final = Text(
    vi="Không có vai trò “{name}” trong cơ sở dữ liệu này.",
    en="There is no role “{name}” in this database.",
)
_NO_SCHEMA: Final = Text(
    vi="Không có lược đồ “{name}” trong cơ sở dữ liệu này.",
    en="There is no schema “{name}” in this database.",
)
_NO_TABLE: Final = Text(
    vi="Không bảng nào có cột “{column}”; hãy nêu tên cột bằng --tenant-column.",
    en="No table has a column “{column}”; name the column by --tenant-column.",
)
_BAD_SETTING: Final = Text(
    vi="--tenant-setting “{name}” phải là hai tên trở lên, cách nhau bằng dấu chấm, như app.org.",
    en="--tenant-setting “{name}” has to be two names or more, joined by dots, like app.org.",
)
_TOO_OLD: Final = Text(
    vi="Cần PostgreSQL 15 trở lên; đây là {version}.",
    en="PostgreSQL 15 or newer is needed; this is {version}.",
)


# What PostgreSQL takes for a setting of somebody's own.
_SETTING: Final = re.compile(r"[^\W\d][\w$]*(\.[^\W\d][\w$]*)+")


async def check_isolation(dsn: str, target: Target) -> Report:
    """Run every check of `target` over connections to `dsn`, and return what was found.

    Whoever connects needs no more than to log in. Behaviour is tried where it may become the
    service's role, and on rows of others where it sees them. Raises `OperatorError` for a role
    or schema that does not exist, for what cannot be a setting, and where no table has the tenant
    column; what the driver raises, passes.
    """
    async with _connected(dsn) as connection:
        await _refuse_unknown(connection, target)
        catalogue, found = await _look_at_catalogue(connection, target)
    if all(table.tenant != target.tenant_column for table in catalogue.tenant_tables):
        raise OperatorError(_NO_TABLE.format(column=target.tenant_column))
    if not (catalogue.app.superuser or catalogue.app.bypass_rls):
        async with _connected(dsn) as connection:
            found += [each async for each in find_in_reads(connection, catalogue)]
            if target.probe_writes:
                found += [each async for each in find_in_writes(connection, catalogue)]
    return Report(target.app_role, list(dict.fromkeys(found)), len(catalogue.tenant_tables))


async def role_of(dsn: str) -> str:
    """Return the role that `dsn` logs in as."""
    async with _connected(dsn) as connection:
        role: str = await connection.fetchval("SELECT session_user")
        return role


async def _look_at_catalogue(
    connection: Connection, target: Target
) -> tuple[Catalogue, list[Finding]]:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # So that every name is printed with its schema.
        await connection.execute("SET LOCAL search_path = ''")
        catalogue = await load(connection, target)
        found = [*find_in_roles(catalogue)]
        if catalogue.app.superuser:
            return catalogue, found  # everything else follows from that
        found += find_in_tables(catalogue)
        found += find_in_views(catalogue)
        found += find_in_functions(catalogue)
        found += [each async for each in find_by_sql(connection, catalogue)]
    return catalogue, found


async def _refuse_unknown(connection: Connection, target: Target) -> None:
    if not _SETTING.fullmatch(target.tenant_setting):
        raise OperatorError(_BAD_SETTING.format(name=target.tenant_setting))
    version = connection.get_server_version()
    if version.major < OLDEST_MAJOR:
        raise OperatorError(_TOO_OLD.format(version=f"{version.major}.{version.minor}"))
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", target.app_role
    ):
        raise OperatorError(_NO_ROLE.format(name=target.app_role))
    for schema in sorted(target.schemas):
        if not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema
        ):
            raise OperatorError(_NO_SCHEMA.format(name=schema))


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(
        dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0
    )
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)
