"""Businesses and their API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sokho.core.infrastructure.database.migrate import VERSION_TABLE
from sokho.core.infrastructure.database.policies import APP_ROLE, OWNER_ROLE, WORKER_ROLE
from sokho.core.infrastructure.database.row_security import seal_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(f"GRANT SELECT ON {VERSION_TABLE} TO {APP_ROLE}")
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="tenants_pkey"),
        sa.CheckConstraint("state IN ('active', 'suspended')", name="tenants_state_check"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="tenants_name_check"),
    )
    seal_table("tenants", column="id", floor=(APP_ROLE, OWNER_ROLE))
    # The one exception: the operator's worker must know which businesses exist.
    op.execute(f"CREATE POLICY worker_lists ON tenants FOR SELECT TO {WORKER_ROLE} USING (true)")
    op.execute(
        f"CREATE POLICY worker_suspends ON tenants FOR UPDATE TO {WORKER_ROLE} "
        "USING (true) WITH CHECK (true)"
    )
    op.execute(f"GRANT SELECT (id, name, state, created_at) ON tenants TO {WORKER_ROLE}")
    op.execute(f"GRANT UPDATE (state) ON tenants TO {WORKER_ROLE}")

    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("pepper_id", sa.Text, nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="api_keys_pkey"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="api_keys_tenant_id_fkey"),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="api_keys_secret_hash_check"),
    )
    seal_table("api_keys")


def downgrade() -> None:
    op.drop_table("api_keys")
    op.drop_table("tenants")
