"""What requests with an Idempotency-Key were answered, and when a chore was last begun."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import WORKER_ROLE
from sokho.core.infrastructure.database.row_security import seal_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("key_hash", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_hash", name="idempotency_keys_pkey"),
    )
    op.create_index(
        "idempotency_keys_tenant_id_expires_at_idx",
        "idempotency_keys",
        ["tenant_id", "expires_at"],
    )
    seal_table("idempotency_keys")

    # Nothing of any business stands here, and the service itself does not reach it.
    op.create_table(
        "chores",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="chores_pkey"),
    )
    op.execute("REVOKE ALL ON chores FROM PUBLIC")
    op.execute(f"GRANT SELECT, INSERT, UPDATE (begun_at) ON chores TO {WORKER_ROLE}")


def downgrade() -> None:
    op.drop_table("chores")
    op.drop_table("idempotency_keys")
