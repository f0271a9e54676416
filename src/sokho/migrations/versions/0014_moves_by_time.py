"""Moves by when they were posted, and sums of moves by date without looking at the moves."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TABLE = "stock_moves"


def upgrade() -> None:
    for side in ("from", "to"):
        # What was there as of a time is what the last move by then has left.
        op.create_index(
            f"stock_moves_tenant_id_{side}_account_posted_at_{side}_seq_idx",
            _TABLE,
            ["tenant_id", f"{side}_account", "posted_at", f"{side}_seq"],
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        )
        _create_dated(side, include=["quantity"])


def downgrade() -> None:
    for side in ("from", "to"):
        op.drop_index(f"stock_moves_tenant_id_{side}_account_posted_at_{side}_seq_idx", _TABLE)
        _create_dated(side, include=[])


def _create_dated(side: str, *, include: list[str]) -> None:
    """Make the index of an account's moves by date anew, with the columns that are read there."""
    name = f"stock_moves_tenant_id_{side}_account_effective_at_{side}_seq_idx"
    op.drop_index(name, _TABLE)
    op.create_index(
        name,
        _TABLE,
        ["tenant_id", f"{side}_account", "effective_at", f"{side}_seq"],
        postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        postgresql_include=include,
    )
