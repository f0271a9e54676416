"""What the service's role is, and what it could become."""

from collections.abc import Iterator
from typing import Final

from sokho.core.infrastructure.database.isolation.catalogue import Catalogue, Reached
from sokho.core.infrastructure.database.isolation.policies import quoted
from sokho.core.infrastructure.database.isolation.report import Finding

_PREDEFINED: Final = frozenset(
    {
        *("pg_read_all_data", "pg_write_all_data", "pg_read_server_files", "pg_write_server_files"),
        *("pg_execute_server_program", "pg_monitor", "pg_read_all_stats", "pg_stat_scan_tables"),
        *("pg_create_subscription", "pg_database_owner"),
    }
)

_SHOWN: Final = 3


def find_in_roles(catalogue: Catalogue) -> Iterator[Finding]:
    """Yield each power that lets the service past row-level security."""
    app = catalogue.app.name
    for each in catalogue.reached:
        powers = [
            (code, mend)
            for has, code, mend in (
                (each.superuser, "role_superuser", "NOSUPERUSER"),
                (each.bypass_rls, "role_bypassrls", "NOBYPASSRLS"),
                (each.creates_roles, "role_createrole", "NOCREATEROLE"),
                (each.replicates, "role_replication", "NOREPLICATION"),
            )
            if has
        ]
        if each.is_app and each.superuser:
            powers = powers[:1]  # the others come with it
        for code, mend in powers:
            yield Finding(code, app, "" if each.is_app else each.name, _mend(app, each, mend))
        if each.name in _PREDEFINED and not catalogue.app.superuser:
            yield Finding("role_predefined", app, each.name, _mend(app, each, ""))
    if not catalogue.app.superuser:
        yield from _owners(catalogue)


def _mend(app: str, role: Reached, without: str) -> str:
    if role.is_app:
        return f"ALTER ROLE {quoted(app)} {without}"
    return f"REVOKE {quoted(role.name)} FROM {quoted(app)}"


def _owners(catalogue: Catalogue) -> Iterator[Finding]:
    for each in catalogue.reached:
        owned = [table.name for table in catalogue.tenant_tables if table.owner == each.oid]
        if not owned or each.superuser:
            continue
        listed = ", ".join(owned[:_SHOWN]) + (f", … ({len(owned)})" if len(owned) > _SHOWN else "")
        mend = (
            f"ALTER TABLE {owned[0]} OWNER TO CURRENT_USER"
            if each.is_app
            else _mend(catalogue.app.name, each, "")
        )
        yield Finding("role_owner", listed, each.name, mend)
