"""A PostgreSQL of Sokho's own in one folder, for whoever has not set up a database."""

from sokho.core.infrastructure.embedded_postgres.credentials import DatabaseUrls
from sokho.core.infrastructure.embedded_postgres.folders import default_data_dir
from sokho.core.infrastructure.embedded_postgres.launcher import EmbeddedPostgres, ServerStatus

__all__ = ["DatabaseUrls", "EmbeddedPostgres", "ServerStatus", "default_data_dir"]
