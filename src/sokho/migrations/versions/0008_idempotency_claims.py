"""Claiming an Idempotency-Key takes one statement, which goes along with BEGIN."""

from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Not one query: what the last one to use the key wrote is seen only by a snapshot that was
    # taken behind the lock, and each statement of a volatile function takes its own.
    op.execute(
        """
        CREATE FUNCTION claim_idempotency_key(number bigint, wanted bytea) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT pg_try_advisory_xact_lock(number) THEN
                RAISE EXCEPTION 'this Idempotency-Key is in use' USING ERRCODE = 'SK001';
            END IF;
            PERFORM FROM public.idempotency_keys
            WHERE tenant_id = current_setting('app.current_tenant')::uuid
                AND key_hash = wanted AND expires_at > now();
            IF FOUND THEN
                RAISE EXCEPTION 'this Idempotency-Key was used' USING ERRCODE = 'SK002';
            END IF;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION claim_idempotency_key(bigint, bytea) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION claim_idempotency_key(bigint, bytea) TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION claim_idempotency_key(bigint, bytea)")
