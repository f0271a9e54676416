"""Items, and the index of their tags."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sokho.core.infrastructure.database.row_security import seal_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("sku_key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=True),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("barcode", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("attributes", postgresql.JSONB, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="items_pkey"),
        sa.UniqueConstraint("tenant_id", "sku_key", name="items_tenant_id_sku_key_key"),
        sa.CheckConstraint("char_length(sku) BETWEEN 1 AND 64", name="items_sku_check"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="items_name_check"),
        sa.CheckConstraint("status IN ('active', 'archived')", name="items_status_check"),
    )
    seal_table("items")
    op.create_index("items_tenant_id_created_at_id_idx", "items", ["tenant_id", "created_at", "id"])
    op.create_index("items_tenant_id_updated_at_id_idx", "items", ["tenant_id", "updated_at", "id"])
    op.create_index(
        "items_tenant_id_barcode_id_idx",
        "items",
        ["tenant_id", "barcode", "id"],
        postgresql_where=sa.text("barcode IS NOT NULL"),
    )
    op.create_index(
        "items_tenant_id_id_idx",
        "items",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status = 'archived'"),
    )

    # items.tags is what a client reads; this is its index: under row-level security an
    # array operator cannot use one, the equality of two texts can.
    op.create_table(
        "item_tags",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "tag", "item_id", name="item_tags_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["items.tenant_id", "items.id"],
            name="item_tags_tenant_id_item_id_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_index("item_tags_tenant_id_item_id_idx", "item_tags", ["tenant_id", "item_id"])
    seal_table("item_tags")


def downgrade() -> None:
    op.drop_table("item_tags")
    op.drop_table("items")
