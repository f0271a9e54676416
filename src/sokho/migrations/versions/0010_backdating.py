"""Dates in the past: the latest date of each account, and what its earlier months amount to."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import backfill, seal_table

revision = "0010"
down_revision = "0009"

_QUANTITY = sa.Numeric(20, 6)
_INSTANT = sa.DateTime(timezone=True)

_LEGS = """
    SELECT tenant_id, from_account AS account_id, effective_at, from_seq AS seq, -quantity AS change
    FROM stock_moves WHERE from_seq IS NOT NULL
    UNION ALL
    SELECT tenant_id, to_account, effective_at, to_seq, quantity
    FROM stock_moves WHERE to_seq IS NOT NULL
"""


def upgrade() -> None:
    for side in ("from", "to"):
        # The moves of an account by their documents' dates.
        op.create_index(
            f"stock_moves_tenant_id_{side}_account_effective_at_{side}_seq_idx",
            "stock_moves",
            ["tenant_id", f"{side}_account", "effective_at", f"{side}_seq"],
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        )
    op.add_column("stock_balances", sa.Column("effective_at", _INSTANT, nullable=True))
    backfill(
        "stock_balances",
        "UPDATE stock_balances AS b SET effective_at = latest.effective_at "
        f"FROM (SELECT tenant_id, account_id, max(effective_at) AS effective_at FROM ({_LEGS}) "
        "AS legs GROUP BY tenant_id, account_id) AS latest "
        "WHERE b.tenant_id = latest.tenant_id AND b.account_id = latest.account_id",
        reads=["stock_moves"],
    )

    # Of each account every month with moves, but the latest: that one would be written by each
    # document, and its moves are read instead.
    op.create_table(
        "stock_months",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("change", _QUANTITY, nullable=False),
        sa.Column("lowest", _QUANTITY, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "starts_at", name="stock_months_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["stock_accounts.tenant_id", "stock_accounts.id"],
            name="stock_months_tenant_id_account_id_fkey",
        ),
    )
    seal_table("stock_months", commands=("SELECT", "INSERT", "UPDATE"))
    backfill(
        "stock_months",
        "INSERT INTO stock_months (tenant_id, account_id, starts_at, change, lowest) "
        "SELECT tenant_id, account_id, starts_at, sum(change), min(running) "
        "FROM (SELECT *, sum(change) OVER (PARTITION BY tenant_id, account_id, starts_at "
        "ORDER BY effective_at, seq) AS running "
        "FROM (SELECT *, date_trunc('month', effective_at, 'UTC') AS starts_at "
        f"FROM ({_LEGS}) AS legs) AS dated) AS summed "
        "WHERE starts_at < (SELECT date_trunc('month', b.effective_at, 'UTC') "
        "FROM stock_balances AS b WHERE b.tenant_id = summed.tenant_id "
        "AND b.account_id = summed.account_id) "
        "GROUP BY tenant_id, account_id, starts_at",
        reads=["stock_moves", "stock_balances"],
    )


def downgrade() -> None:
    op.drop_table("stock_months")
    op.drop_column("stock_balances", "effective_at")
    for side in ("from", "to"):
        op.drop_index(
            f"stock_moves_tenant_id_{side}_account_effective_at_{side}_seq_idx", "stock_moves"
        )
