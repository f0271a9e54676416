"""Units of measure, and how an item's other units convert to its own."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import (
    backfill,
    seal_table,
    validated_foreign_key,
)

revision = "0003"
down_revision = "0002"

# What every business begins with, as of this revision; new ones get theirs from the module.
_PIECES = (
    "cái chiếc bộ đôi cặp tá chục thùng hộp gói túi bao chai lon lọ hũ tuýp can phuy bình vỉ viên "
    "cuộn tấm tờ quyển ram cây thanh sợi con kiện pallet"
)
_MEASURES = (
    ("mg", "miligam"),
    ("g", "gam"),
    ("kg", "kilôgam"),
    ("tạ", "tạ (100 kg)"),
    ("tấn", "tấn (1.000 kg)"),
    ("ml", "mililít"),
    ("lít", "lít"),
    ("mm", "milimét"),
    ("cm", "xentimét"),
    ("m", "mét"),
    ("km", "kilômét"),
    ("m²", "mét vuông"),
    ("m³", "mét khối"),
)


def upgrade() -> None:
    op.create_table(
        "units",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("decimals", sa.SmallInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "code", name="units_pkey"),
        sa.CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="units_code_check"),
        sa.CheckConstraint("decimals BETWEEN 0 AND 6", name="units_decimals_check"),
    )
    seal_table("units")
    rows = [(code, code, 0) for code in _PIECES.split()]
    rows += [(code, name, 3) for code, name in _MEASURES]
    values = ", ".join(f"('{code}', '{name}', {decimals})" for code, name, decimals in rows)
    backfill(
        "units",
        "INSERT INTO units (tenant_id, code, name, decimals, version) "
        "SELECT tenants.id, unit.code, unit.name, unit.decimals, 1 "
        f"FROM tenants, (VALUES {values}) AS unit(code, name, decimals)",
        reads=["tenants"],
    )
    # Until now an item's unit was any text: each that was used becomes a unit.
    backfill(
        "units",
        "INSERT INTO units (tenant_id, code, name, decimals, version) "
        "SELECT DISTINCT tenant_id, unit, unit, 0, 1 FROM items ON CONFLICT DO NOTHING",
        reads=["items"],
    )
    validated_foreign_key(
        "items_tenant_id_unit_fkey", "items", "units", ["tenant_id", "unit"], ["tenant_id", "code"]
    )

    op.create_table(
        "item_conversions",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("numerator", sa.BigInteger, nullable=False),
        sa.Column("denominator", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "item_id", "unit", name="item_conversions_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["items.tenant_id", "items.id"],
            name="item_conversions_tenant_id_item_id_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "unit"],
            ["units.tenant_id", "units.code"],
            name="item_conversions_tenant_id_unit_fkey",
        ),
        sa.CheckConstraint(
            "numerator BETWEEN 1 AND 1000000000", name="item_conversions_numerator_check"
        ),
        sa.CheckConstraint(
            "denominator BETWEEN 1 AND 1000000000", name="item_conversions_denominator_check"
        ),
    )
    seal_table("item_conversions")


def downgrade() -> None:
    op.drop_table("item_conversions")
    op.drop_constraint("items_tenant_id_unit_fkey", "items")
    op.drop_table("units")
