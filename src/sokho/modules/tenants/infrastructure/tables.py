"""The table of businesses, as Core sees it; sealed by its own id."""

import sqlalchemy as sa

from sokho.core.infrastructure.database import metadata

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('active', 'suspended')", name="state"),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="name"),
)
