"""What seals a table: the roles, and the rule that a row belongs to the bound tenant."""

import re
from typing import Final

from sokho.core.infrastructure.database.statements import TENANT_SETTING

OWNER_ROLE: Final = "sokho_owner"
APP_ROLE: Final = "sokho_app"
WORKER_ROLE: Final = "sokho_worker"

TENANT_COLUMN: Final = "tenant_id"
ACCESS_POLICY: Final = "tenant_access"
FLOOR_POLICY: Final = "tenant_floor"

_IDENTIFIER: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def tenant_predicate(column: str = TENANT_COLUMN) -> str:
    """Return the condition that seals a table: the row's tenant is the bound one.

    With one argument `current_setting` raises when no tenant is bound (42704; 22P02 for
    the empty string that a finished transaction leaves): it fails closed and loud. Under
    SELECT it is evaluated once per statement, not once per row.
    """
    return f"{plain_identifier(column)} = {bound_tenant()}"


def bound_tenant() -> str:
    """Return the tenant that is bound, as SQL; evaluating it raises when there is none."""
    return f"(SELECT current_setting('{TENANT_SETTING}')::uuid)"


def binding(tenant: str) -> str:
    """Return the SQL that binds a tenant until the transaction ends: `tenant` is an expression."""
    return f"set_config('{TENANT_SETTING}', {tenant}::text, true)"


def plain_identifier(identifier: str) -> str:
    """Return `identifier` if it is a plain one: it stands in SQL as it is."""
    if not _IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"not a plain SQL identifier: {identifier!r}")
    return identifier
