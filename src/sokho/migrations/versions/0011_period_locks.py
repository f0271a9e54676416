"""Period locks: each change of them is a row, and stays."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import seal_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "stock_period_locks",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("locked_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "version", name="stock_period_locks_pkey"),
    )
    seal_table("stock_period_locks", commands=("SELECT", "INSERT"))
    op.execute(
        "CREATE TRIGGER stock_period_locks_stay BEFORE UPDATE OR DELETE ON stock_period_locks "
        "FOR EACH ROW EXECUTE FUNCTION stock_history_stays()"
    )
    op.execute(
        "CREATE TRIGGER stock_period_locks_stay_whole BEFORE TRUNCATE ON stock_period_locks "
        "FOR EACH STATEMENT EXECUTE FUNCTION stock_history_stays()"
    )


def downgrade() -> None:
    op.drop_table("stock_period_locks")
