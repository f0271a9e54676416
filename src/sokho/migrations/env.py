"""Alembic's entry: runs on the connection that `core.infrastructure.database.migrate` opened."""

from alembic import context

from sokho.core.infrastructure.database.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transaction_per_migration=False,
)
context.run_migrations()
