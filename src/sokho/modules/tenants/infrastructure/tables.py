"""The table of businesses, as Core sees it; sealed by its own id."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sokho.core.infrastructure.database import metadata

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("locale", sa.Text, nullable=False, server_default="vi-VN"),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="Asia/Ho_Chi_Minh"),
    sa.Column("settings", JSONB, nullable=False, server_default="{}"),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column(
        "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    ),
    sa.CheckConstraint("state IN ('active', 'suspended')", name="state"),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="name"),
)
