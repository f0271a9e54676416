"""Posting in fewer steps: a key is claimed along with BEGIN, and numbers are counted at once."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE, tenant_predicate
from sokho.core.infrastructure.database.row_security import backfill

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Not one query: what the last one to use the key wrote is seen only by a snapshot that was
    # taken behind the lock, and each statement of a volatile function takes its own.
    op.execute(
        f"""
        CREATE FUNCTION claim_idempotency_key(number bigint, wanted bytea) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT pg_try_advisory_xact_lock(number) THEN
                RAISE EXCEPTION 'this Idempotency-Key is in use' USING ERRCODE = 'SK001';
            END IF;
            PERFORM FROM public.idempotency_keys
            WHERE {tenant_predicate()} AND key_hash = wanted AND expires_at > now();
            IF FOUND THEN
                RAISE EXCEPTION 'this Idempotency-Key was used' USING ERRCODE = 'SK002';
            END IF;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION claim_idempotency_key(bigint, bytea) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION claim_idempotency_key(bigint, bytea) TO {APP_ROLE}")

    # Whether a client has given a number that might be counted, too: until now that was looked
    # for at each document.
    op.add_column(
        "stock_counters",
        sa.Column("skips", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    backfill(
        "stock_counters",
        "INSERT INTO stock_counters (tenant_id, type, year, last, skips) "
        "SELECT DISTINCT tenant_id, type, year, 0, true FROM stock_transactions "
        "ON CONFLICT (tenant_id, type, year) DO UPDATE SET skips = true",
        reads=["stock_transactions"],
    )


def downgrade() -> None:
    op.drop_column("stock_counters", "skips")
    op.execute("DROP FUNCTION claim_idempotency_key(bigint, bytea)")
