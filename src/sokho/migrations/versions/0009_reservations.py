"""Reservations of stock, and the minimum that is to be at a location."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import seal_table

revision = "0009"
down_revision = "0008"

_QUANTITY = sa.Numeric(20, 6)
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "stock_reservations",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("request_key", sa.LargeBinary, nullable=True),
        sa.Column("transaction_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="stock_reservations_pkey"),
        sa.UniqueConstraint(
            "tenant_id", "request_key", name="stock_reservations_tenant_id_request_key_key"
        ),
        # Checked at the end: a reservation is closed before the document that it becomes is there.
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["stock_transactions.tenant_id", "stock_transactions.id"],
            name="stock_reservations_tenant_id_transaction_id_fkey",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.CheckConstraint(
            "state IN ('open', 'confirmed', 'released', 'expired')",
            name="stock_reservations_state_check",
        ),
        sa.CheckConstraint(
            "(state = 'confirmed') = (transaction_id IS NOT NULL)",
            name="stock_reservations_transaction_id_check",
        ),
    )
    op.create_index(
        "stock_reservations_tenant_id_state_id_idx",
        "stock_reservations",
        ["tenant_id", "state", "id"],
    )
    op.create_index(
        "stock_reservations_tenant_id_expires_at_idx",
        "stock_reservations",
        ["tenant_id", "expires_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    seal_table("stock_reservations", commands=("SELECT", "INSERT", "UPDATE"))

    op.create_table(
        "stock_reservation_lines",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("reservation_id", sa.Uuid, nullable=False),
        sa.Column("line_no", sa.SmallInteger, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("quantity", _QUANTITY, nullable=False),
        sa.Column("entered_quantity", _QUANTITY, nullable=False),
        sa.Column("entered_unit", sa.Text, nullable=False),
        # While it counts in the balance: who holds the balance may end that when it has expired.
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(
            *("tenant_id", "reservation_id", "line_no"), name="stock_reservation_lines_pkey"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reservation_id"],
            ["stock_reservations.tenant_id", "stock_reservations.id"],
            name="stock_reservation_lines_tenant_id_reservation_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id", "account_id"],
            ["stock_accounts.tenant_id", "stock_accounts.item_id", "stock_accounts.id"],
            name="stock_reservation_lines_tenant_id_item_id_account_id_fkey",
        ),
        sa.CheckConstraint(
            "quantity > 0 AND entered_quantity > 0", name="stock_reservation_lines_quantity_check"
        ),
    )
    op.create_index(
        "stock_reservation_lines_tenant_id_account_id_idx",
        "stock_reservation_lines",
        ["tenant_id", "account_id"],
        postgresql_where=sa.text("is_held"),
    )
    seal_table("stock_reservation_lines", commands=("SELECT", "INSERT", "UPDATE"))

    op.add_column("stock_balances", sa.Column("minimum", _QUANTITY, nullable=True))
    # Kept by PostgreSQL: comparing numbers is not leakproof, so under row-level security no index
    # would find what is below; a boolean one does.
    op.add_column(
        "stock_balances",
        sa.Column(
            "is_below_minimum",
            sa.Boolean,
            sa.Computed("coalesce(on_hand < minimum, false)", persisted=True),
            nullable=False,
        ),
    )
    op.create_check_constraint("stock_balances_minimum_check", "stock_balances", "minimum > 0")
    op.create_index(
        "stock_balances_tenant_id_account_id_idx",
        "stock_balances",
        ["tenant_id", "account_id"],
        postgresql_where=sa.text("is_below_minimum"),
    )


def downgrade() -> None:
    op.drop_column("stock_balances", "is_below_minimum")
    op.drop_column("stock_balances", "minimum")
    op.drop_table("stock_reservation_lines")
    op.drop_table("stock_reservations")
