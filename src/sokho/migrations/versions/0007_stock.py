"""The stock ledger: accounts, balances, transactions and their moves, document numbers."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE
from sokho.core.infrastructure.database.row_security import seal_table

revision = "0007"
down_revision = "0006"

_QUANTITY = sa.Numeric(20, 6)
_INSTANT = sa.DateTime(timezone=True)

_APPEND_ONLY = ("stock_transactions", "stock_moves")


def upgrade() -> None:
    op.create_table(
        "stock_accounts",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("location_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="stock_accounts_pkey"),
        sa.UniqueConstraint(
            *("tenant_id", "item_id", "kind", "location_id"),
            name="stock_accounts_tenant_id_item_id_kind_location_id_key",
            postgresql_nulls_not_distinct=True,
        ),
        # What a move refers to: so both its accounts are of its own item.
        sa.UniqueConstraint(
            "tenant_id", "item_id", "id", name="stock_accounts_tenant_id_item_id_id_key"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id"],
            ["items.tenant_id", "items.id"],
            name="stock_accounts_tenant_id_item_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.id"],
            name="stock_accounts_tenant_id_location_id_fkey",
        ),
        sa.CheckConstraint(
            "kind IN ('on_hand', 'supplier', 'customer', 'gain', 'loss', 'opening')",
            name="stock_accounts_kind_check",
        ),
        sa.CheckConstraint(
            "(kind = 'on_hand') = (location_id IS NOT NULL)", name="stock_accounts_location_check"
        ),
    )
    op.create_index(
        "stock_accounts_tenant_id_location_id_item_id_idx",
        "stock_accounts",
        ["tenant_id", "location_id", "item_id"],
        postgresql_where=sa.text("location_id IS NOT NULL"),
    )
    seal_table("stock_accounts", commands=("SELECT", "INSERT"))

    # Of goods at a location alone: one row of "the customer" would make every sale wait.
    op.create_table(
        "stock_balances",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("on_hand", _QUANTITY, nullable=False),
        sa.Column("reserved", _QUANTITY, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("posted_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", name="stock_balances_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["stock_accounts.tenant_id", "stock_accounts.id"],
            name="stock_balances_tenant_id_account_id_fkey",
        ),
        sa.CheckConstraint(
            "reserved >= 0 AND reserved <= on_hand", name="stock_balances_reserved_check"
        ),
        # Room for the next version of a row on its own page: no index has to be touched.
        postgresql_with={"fillfactor": 70},
    )
    seal_table("stock_balances", commands=("SELECT", "INSERT", "UPDATE"))

    op.create_table(
        "stock_transactions",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("year", sa.SmallInteger, nullable=False),
        sa.Column("document_no", sa.Text, nullable=False),
        sa.Column("external_ref", sa.Text, nullable=True),
        sa.Column("effective_at", _INSTANT, nullable=False),
        sa.Column("posted_at", _INSTANT, nullable=False),
        sa.Column("note", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("request_key", sa.LargeBinary, nullable=True),
        sa.Column("reverses_id", sa.Uuid, nullable=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("digest_key_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="stock_transactions_pkey"),
        sa.UniqueConstraint(
            *("tenant_id", "type", "year", "document_no"),
            name="stock_transactions_tenant_id_type_year_document_no_key",
        ),
        sa.UniqueConstraint(
            "tenant_id", "external_ref", name="stock_transactions_tenant_id_external_ref_key"
        ),
        sa.UniqueConstraint(
            "tenant_id", "reverses_id", name="stock_transactions_tenant_id_reverses_id_key"
        ),
        # One Idempotency-Key, one transaction: also when its answer is no longer kept.
        sa.UniqueConstraint(
            "tenant_id", "request_key", name="stock_transactions_tenant_id_request_key_key"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reverses_id"],
            ["stock_transactions.tenant_id", "stock_transactions.id"],
            name="stock_transactions_tenant_id_reverses_id_fkey",
        ),
        sa.CheckConstraint(
            "type IN ('receipt', 'issue', 'transfer', 'adjustment')",
            name="stock_transactions_type_check",
        ),
        sa.CheckConstraint("octet_length(digest) = 32", name="stock_transactions_digest_check"),
    )
    op.create_index(
        "stock_transactions_tenant_id_effective_at_id_idx",
        "stock_transactions",
        ["tenant_id", "effective_at", "id"],
    )
    seal_table("stock_transactions", commands=("SELECT", "INSERT"))

    op.create_table(
        "stock_moves",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("transaction_id", sa.Uuid, nullable=False),
        sa.Column("line_no", sa.SmallInteger, nullable=False),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("quantity", _QUANTITY, nullable=False),
        sa.Column("entered_quantity", _QUANTITY, nullable=False),
        sa.Column("entered_unit", sa.Text, nullable=False),
        sa.Column("from_account", sa.Uuid, nullable=False),
        sa.Column("from_seq", sa.BigInteger, nullable=True),
        sa.Column("from_after", _QUANTITY, nullable=True),
        sa.Column("to_account", sa.Uuid, nullable=False),
        sa.Column("to_seq", sa.BigInteger, nullable=True),
        sa.Column("to_after", _QUANTITY, nullable=True),
        sa.Column("effective_at", _INSTANT, nullable=False),
        sa.Column("posted_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "transaction_id", "line_no", name="stock_moves_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["stock_transactions.tenant_id", "stock_transactions.id"],
            name="stock_moves_tenant_id_transaction_id_fkey",
        ),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", "item_id", account],
                ["stock_accounts.tenant_id", "stock_accounts.item_id", "stock_accounts.id"],
                name=f"stock_moves_tenant_id_item_id_{account}_fkey",
            )
            for account in ("from_account", "to_account")
        ),
        sa.CheckConstraint("from_account <> to_account", name="stock_moves_accounts_check"),
        sa.CheckConstraint("quantity > 0", name="stock_moves_quantity_check"),
        sa.CheckConstraint(
            "from_seq IS NOT NULL OR to_seq IS NOT NULL", name="stock_moves_seq_check"
        ),
    )
    for side in ("from", "to"):
        # The card of an account, in its order; and that no number is given twice.
        op.create_index(
            f"stock_moves_tenant_id_{side}_account_{side}_seq_idx",
            "stock_moves",
            ["tenant_id", f"{side}_account", f"{side}_seq"],
            unique=True,
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        )
    seal_table("stock_moves", commands=("SELECT", "INSERT"))

    op.create_table(
        "stock_counters",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("year", sa.SmallInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "type", "year", name="stock_counters_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    seal_table("stock_counters", commands=("SELECT", "INSERT", "UPDATE"))

    # The grants alone keep the service from changing history; this keeps everybody else from it,
    # but for who says so in the transaction: to erase a whole business.
    op.execute(
        """
        CREATE FUNCTION stock_history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('sokho.erases_tenant', true) = 'on' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION '% is never changed: reverse the document', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION stock_history_stays() FROM PUBLIC")
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION stock_history_stays()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stay_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION stock_history_stays()"
        )
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")


def downgrade() -> None:
    for table in (
        "stock_counters",
        "stock_moves",
        "stock_transactions",
        "stock_balances",
        "stock_accounts",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION stock_history_stays()")
