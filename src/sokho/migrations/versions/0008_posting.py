"""Posting in fewer steps: a key is claimed along with BEGIN, and numbers are counted at once."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE, bound_tenant, tenant_predicate
from sokho.core.infrastructure.database.row_security import backfill

revision = "0008"
down_revision = "0007"

_FUNCTIONS = (
    "claim_idempotency_key(bigint, bytea)",
    "keep_idempotent_answer(bytea, bytea, bytea)",
)


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
    # A function, since its INSERT is planned once for each connection.
    op.execute(
        f"""
        CREATE FUNCTION keep_idempotent_answer(used bytea, request bytea, answered bytea)
        RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.idempotency_keys
                (tenant_id, key_hash, fingerprint, answer, expires_at)
            VALUES ({bound_tenant()}, used, request, answered, now() + interval '7 days')
            ON CONFLICT (tenant_id, key_hash) DO UPDATE
            SET fingerprint = EXCLUDED.fingerprint, answer = EXCLUDED.answer,
                expires_at = EXCLUDED.expires_at
            WHERE idempotency_keys.expires_at <= now();
        END $$
        """
    )
    for function in _FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")

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
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
