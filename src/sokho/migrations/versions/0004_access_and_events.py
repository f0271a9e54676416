"""What a business says of itself, the roles and last uses of keys, and the log of events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sokho.core.infrastructure.database.events import Xid8
from sokho.core.infrastructure.database.row_security import backfill, seal_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # With defaults, so that the version before this one can go on opening businesses.
    for column in (
        sa.Column("locale", sa.Text, nullable=False, server_default="vi-VN"),
        sa.Column("time_zone", sa.Text, nullable=False, server_default="Asia/Ho_Chi_Minh"),
        sa.Column("settings", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
    ):
        op.add_column("tenants", column)
    for name, type_ in (
        ("role", sa.Text),
        ("replaced_at", sa.DateTime(timezone=True)),
        ("last_used_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("api_keys", sa.Column(name, type_, nullable=True))

    # A business's first key is its owner's, and will be allowed what a later version adds.
    backfill(
        "api_keys",
        "UPDATE api_keys SET role = 'owner' WHERE name = 'khóa đầu tiên' AND scopes @> ARRAY["
        "'items:read', 'items:write', 'stock:read', 'stock:write', 'stock:lock', 'locations:read', "
        "'locations:write', 'keys:manage', 'tenant:read', 'tenant:write', 'audit:read']",
    )

    op.create_table(
        "events",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("xid", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("on_behalf_of", sa.Uuid, nullable=True),
        sa.Column("request_id", sa.Uuid, nullable=True),
        sa.Column("changes", postgresql.JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        # What it weighs in an answer, so that a page of few rows cannot be one of many megabytes.
        sa.Column(
            "size",
            sa.Integer,
            sa.Computed("octet_length(changes::text)", persisted=True),
            nullable=False,
        ),
        # In the order in which readers follow them: by transaction, as each becomes final.
        sa.PrimaryKeyConstraint("tenant_id", "xid", "id", name="events_pkey"),
    )
    op.create_index(
        "events_tenant_id_resource_id_xid_id_idx",
        "events",
        ["tenant_id", "resource_id", "xid", "id"],
    )
    seal_table("events", commands=("SELECT", "INSERT"))

    op.create_table(
        "actors",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="actors_pkey"),
        sa.UniqueConstraint("tenant_id", "name", name="actors_tenant_id_name_key"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="actors_name_check"),
    )
    seal_table("actors")


def downgrade() -> None:
    op.drop_table("actors")
    op.drop_table("events")
    for name in ("role", "replaced_at", "last_used_at"):
        op.drop_column("api_keys", name)
    for name in ("locale", "time_zone", "settings", "version", "updated_at"):
        op.drop_column("tenants", name)
