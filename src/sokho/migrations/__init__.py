"""The schema, step by step: Alembic revisions, numbered and in one line."""
