"""The database roles: who owns, who serves, who may see which businesses exist."""

import contextlib
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.policies import APP_ROLE, OWNER_ROLE, WORKER_ROLE
from sokho.core.infrastructure.database.pool import Connection

# A request may not hold a connection for longer than its client would wait.
_APP_LIMITS: Final = {
    "jit": "off",  # compiling would take longer than these statements do
    # Plans are kept as long as their connection, and may have been made while a table was all
    # but empty. Each of these statements has an index that fits, at any size.
    "enable_seqscan": "off",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}

_HAS_TRANSACTION_TIMEOUT: Final = 17


async def prepare_roles(admin: Connection, *, app_dsn: str, worker_dsn: str | None) -> None:
    """Create the roles that are missing, with the passwords of their DSNs, and grant access.

    A role that exists keeps its password; its limits are set anew. Raises `OperatorError`
    when a DSN names another role than policies and grants are made for.
    """
    await _create_role(admin, OWNER_ROLE, "NOLOGIN")
    await _create_login(admin, APP_ROLE, app_dsn)
    if worker_dsn is not None:
        await _create_login(admin, WORKER_ROLE, worker_dsn)
    else:
        await _create_role(admin, WORKER_ROLE, "NOLOGIN")
    await admin.execute(
        f"GRANT {OWNER_ROLE} TO CURRENT_USER;"
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER_ROLE};"
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {WORKER_ROLE}"
    )


async def _create_login(admin: Connection, role: str, dsn: str) -> None:
    url = make_url(dsn)
    if url.username != role:
        raise OperatorError(
            Text(
                vi="Địa chỉ cơ sở dữ liệu phải dùng vai trò “{role}”, không phải vai trò khác.",
                en="The database URL must use the role “{role}”, not another one.",
            ).format(role=role)
        )
    await _create_role(admin, role, "LOGIN", password=url.password)
    limits = dict(_APP_LIMITS)
    if admin.get_server_version().major >= _HAS_TRANSACTION_TIMEOUT:
        limits["transaction_timeout"] = "30s"
    for setting, value in limits.items():
        # Who did not make the role may not change it: then its owner's settings stand.
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await admin.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")


async def _create_role(
    admin: Connection, role: str, kind: str, password: str | None = None
) -> None:
    if await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        return
    command: str = await admin.fetchval(
        "SELECT format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        " NOREPLICATION PASSWORD %L', $1::text, $2::text, $3::text)",
        role,
        kind,
        password,
    )
    with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        await admin.execute(command)  # unless another process was faster
