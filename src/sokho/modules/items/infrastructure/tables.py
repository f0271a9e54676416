"""The tables of items, as Core sees them; migrations make them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sokho.core.infrastructure.database import metadata

items = sa.Table(
    "items",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("sku_key", sa.Text(collation="C"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("barcode", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("tags", ARRAY(sa.Text), nullable=False),
    sa.Column("attributes", JSONB, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("tenant_id", "sku_key"),
    sa.ForeignKeyConstraint(["tenant_id", "unit"], ["units.tenant_id", "units.code"]),
    sa.CheckConstraint("char_length(sku) BETWEEN 1 AND 64", name="sku"),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="name"),
    sa.CheckConstraint("status IN ('active', 'archived')", name="status"),
    sa.Index(None, "tenant_id", "created_at", "id"),
    sa.Index(None, "tenant_id", "updated_at", "id"),
    sa.Index(None, "tenant_id", "barcode", "id", postgresql_where=sa.text("barcode IS NOT NULL")),
    sa.Index(None, "tenant_id", "id", postgresql_where=sa.text("status = 'archived'")),
)

item_tags = sa.Table(
    "item_tags",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("item_id", sa.Uuid, primary_key=True),
    sa.ForeignKeyConstraint(
        ["tenant_id", "item_id"], ["items.tenant_id", "items.id"], ondelete="CASCADE"
    ),
    sa.Index(None, "tenant_id", "item_id"),
)

item_conversions = sa.Table(
    "item_conversions",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, primary_key=True),
    sa.Column("unit", sa.Text(collation="C"), primary_key=True),
    sa.Column("numerator", sa.BigInteger, nullable=False),
    sa.Column("denominator", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "item_id"], ["items.tenant_id", "items.id"], ondelete="CASCADE"
    ),
    sa.ForeignKeyConstraint(["tenant_id", "unit"], ["units.tenant_id", "units.code"]),
    sa.CheckConstraint("numerator BETWEEN 1 AND 1000000000", name="numerator"),
    sa.CheckConstraint("denominator BETWEEN 1 AND 1000000000", name="denominator"),
)
