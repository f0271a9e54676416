"""Stocktakes and their sheets."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import seal_table

revision = "0012"
down_revision = "0011"

_QUANTITY = sa.Numeric(20, 6)
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "stock_counts",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("location_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=True),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.Column("transaction_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="stock_counts_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.id"],
            name="stock_counts_tenant_id_location_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["stock_transactions.tenant_id", "stock_transactions.id"],
            name="stock_counts_tenant_id_transaction_id_fkey",
        ),
        sa.CheckConstraint(
            "state IN ('open', 'posted', 'cancelled')", name="stock_counts_state_check"
        ),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name="stock_counts_closed_at_check"
        ),
        sa.CheckConstraint(
            "state = 'posted' OR transaction_id IS NULL", name="stock_counts_transaction_id_check"
        ),
    )
    # Two at once would post the same differences twice.
    op.create_index(
        "stock_counts_open_key",
        "stock_counts",
        ["tenant_id", "location_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    seal_table("stock_counts", commands=("SELECT", "INSERT", "UPDATE"))

    op.create_table(
        "stock_count_lines",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("count_id", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("expected", _QUANTITY, nullable=False),
        sa.Column("counted", _QUANTITY, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "count_id", "item_id", name="stock_count_lines_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "count_id"],
            ["stock_counts.tenant_id", "stock_counts.id"],
            name="stock_count_lines_tenant_id_count_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["items.tenant_id", "items.id"],
            name="stock_count_lines_tenant_id_item_id_fkey",
        ),
        sa.CheckConstraint(
            "expected >= 0 AND counted >= 0", name="stock_count_lines_quantity_check"
        ),
    )
    seal_table("stock_count_lines", commands=("SELECT", "INSERT", "UPDATE"))


def downgrade() -> None:
    op.drop_table("stock_count_lines")
    op.drop_table("stock_counts")
