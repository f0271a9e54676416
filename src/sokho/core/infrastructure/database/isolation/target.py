"""What is to be judged: whose schemas, by which tenant column and which setting."""

from dataclasses import dataclass
from typing import Final

from sokho.core.infrastructure.database.migrate import VERSION_TABLE
from sokho.core.infrastructure.database.policies import TENANT_COLUMN
from sokho.core.infrastructure.database.statements import TENANT_SETTING

ALWAYS_SHARED: Final = frozenset({VERSION_TABLE})
"""Tables that hold nothing of anybody's, wherever they stand."""


@dataclass(frozen=True)  # without slots: its defaults can be asked for
class Target:
    """Whom, and by which names, the check asks about."""

    app_role: str
    """The role that the service logs in as."""

    tenant_column: str = TENANT_COLUMN
    tenant_setting: str = TENANT_SETTING
    schemas: frozenset[str] = frozenset()
    """Empty: all but the system's."""

    shared_tables: frozenset[str] = frozenset()
    """Tables without a tenant, which every tenant may read: ``name`` or ``schema.name``."""

    probe_writes: bool = False
    """Whether to try to write another tenant's rows, in a transaction that is rolled back."""
