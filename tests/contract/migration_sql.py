"""The SQL of each migration, as ``sokho migrate`` runs it."""

import io
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from sokho.core.infrastructure.database.migrate import MIGRATIONS, PREAMBLE


def migration_sql() -> dict[str, str]:
    """Return the statements of every upgrade, by revision, with those that each run begins with."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    preamble = "".join(f"{statement};\n" for statement in PREAMBLE)
    scripts = reversed(list(ScriptDirectory.from_config(config).walk_revisions()))
    return {script.revision: preamble + _offline(script.module) for script in scripts}


def _offline(migration: Any) -> str:
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        migration.upgrade()
    return written.getvalue()
