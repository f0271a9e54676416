"""The table of locations, as Core sees it; a migration makes it."""

import sqlalchemy as sa

from sokho.core.infrastructure.database import metadata

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("code_key", sa.Text(collation="C"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("parent_id", sa.Uuid),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("tenant_id", "code_key"),
    sa.ForeignKeyConstraint(["tenant_id", "parent_id"], ["locations.tenant_id", "locations.id"]),
    sa.CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="code"),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="name"),
    sa.CheckConstraint("kind IN ('warehouse', 'bin', 'transit')", name="kind"),
    sa.CheckConstraint(
        "parent_id <> id AND (kind <> 'bin' OR parent_id IS NOT NULL)", name="parent"
    ),
    sa.CheckConstraint("status IN ('active', 'archived')", name="status"),
    sa.Index(None, "tenant_id", "created_at", "id"),
    sa.Index(None, "tenant_id", "updated_at", "id"),
    sa.Index(None, "tenant_id", "kind", "id"),
    sa.Index(
        None, "tenant_id", "parent_id", "id", postgresql_where=sa.text("parent_id IS NOT NULL")
    ),
    sa.Index(None, "tenant_id", "id", postgresql_where=sa.text("status = 'archived'")),
)
