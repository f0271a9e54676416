"""The tables of the ledger, as Core sees them; a migration makes them."""

from typing import Final

import sqlalchemy as sa

from sokho.core.infrastructure.database import metadata

_QUANTITY: Final = sa.Numeric(20, 6)
_INSTANT: Final = sa.DateTime(timezone=True)

accounts = sa.Table(
    "stock_accounts",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("location_id", sa.Uuid),
    sa.UniqueConstraint(
        *("tenant_id", "item_id", "kind", "location_id"), postgresql_nulls_not_distinct=True
    ),
    sa.UniqueConstraint("tenant_id", "item_id", "id"),
    sa.ForeignKeyConstraint(["tenant_id", "item_id"], ["items.tenant_id", "items.id"]),
    sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.id"]),
    sa.CheckConstraint(
        "kind IN ('on_hand', 'supplier', 'customer', 'gain', 'loss', 'opening')", name="kind"
    ),
    sa.CheckConstraint("(kind = 'on_hand') = (location_id IS NOT NULL)", name="location"),
    sa.Index(
        None,
        *("tenant_id", "location_id", "item_id"),
        postgresql_where=sa.text("location_id IS NOT NULL"),
    ),
)

balances = sa.Table(
    "stock_balances",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("on_hand", _QUANTITY, nullable=False),
    sa.Column("reserved", _QUANTITY, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("posted_at", _INSTANT),
    sa.Column("effective_at", _INSTANT),
    sa.Column("minimum", _QUANTITY),
    sa.Column(
        "is_below_minimum",
        sa.Boolean,
        sa.Computed("coalesce(on_hand < minimum, false)", persisted=True),
        nullable=False,
    ),
    sa.ForeignKeyConstraint(
        ["tenant_id", "account_id"], ["stock_accounts.tenant_id", "stock_accounts.id"]
    ),
    sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
    sa.CheckConstraint("minimum > 0", name="minimum"),
    sa.Index(None, "tenant_id", "account_id", postgresql_where=sa.text("is_below_minimum")),
    postgresql_with={"fillfactor": 70},
)

transactions = sa.Table(
    "stock_transactions",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("year", sa.SmallInteger, nullable=False),
    sa.Column("document_no", sa.Text, nullable=False),
    sa.Column("external_ref", sa.Text),
    sa.Column("effective_at", _INSTANT, nullable=False),
    sa.Column("posted_at", _INSTANT, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("request_key", sa.LargeBinary),
    sa.Column("reverses_id", sa.Uuid),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("digest_key_id", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant_id", "type", "year", "document_no"),
    sa.UniqueConstraint("tenant_id", "external_ref"),
    sa.UniqueConstraint("tenant_id", "reverses_id"),
    sa.UniqueConstraint("tenant_id", "request_key"),
    sa.ForeignKeyConstraint(
        ["tenant_id", "reverses_id"], ["stock_transactions.tenant_id", "stock_transactions.id"]
    ),
    sa.CheckConstraint("type IN ('receipt', 'issue', 'transfer', 'adjustment')", name="type"),
    sa.CheckConstraint("octet_length(digest) = 32", name="digest"),
    sa.Index(None, "tenant_id", "effective_at", "id"),
)

moves = sa.Table(
    "stock_moves",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("transaction_id", sa.Uuid, primary_key=True),
    sa.Column("line_no", sa.SmallInteger, primary_key=True),
    sa.Column("item_id", sa.Uuid, nullable=False),
    sa.Column("quantity", _QUANTITY, nullable=False),
    sa.Column("entered_quantity", _QUANTITY, nullable=False),
    sa.Column("entered_unit", sa.Text, nullable=False),
    sa.Column("from_account", sa.Uuid, nullable=False),
    sa.Column("from_seq", sa.BigInteger),
    sa.Column("from_after", _QUANTITY),
    sa.Column("to_account", sa.Uuid, nullable=False),
    sa.Column("to_seq", sa.BigInteger),
    sa.Column("to_after", _QUANTITY),
    sa.Column("effective_at", _INSTANT, nullable=False),
    sa.Column("posted_at", _INSTANT, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "transaction_id"], ["stock_transactions.tenant_id", "stock_transactions.id"]
    ),
    *(
        sa.ForeignKeyConstraint(
            ["tenant_id", "item_id", account],
            ["stock_accounts.tenant_id", "stock_accounts.item_id", "stock_accounts.id"],
        )
        for account in ("from_account", "to_account")
    ),
    sa.CheckConstraint("from_account <> to_account", name="accounts"),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.CheckConstraint("from_seq IS NOT NULL OR to_seq IS NOT NULL", name="seq"),
    *(
        sa.Index(
            None,
            *("tenant_id", f"{side}_account", f"{side}_seq"),
            unique=True,
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        )
        for side in ("from", "to")
    ),
    *(
        sa.Index(
            None,
            *("tenant_id", f"{side}_account", "effective_at", f"{side}_seq"),
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
            postgresql_include=["quantity"],
        )
        for side in ("from", "to")
    ),
    *(
        sa.Index(
            None,
            *("tenant_id", f"{side}_account", "posted_at", f"{side}_seq"),
            postgresql_where=sa.text(f"{side}_seq IS NOT NULL"),
        )
        for side in ("from", "to")
    ),
)

months = sa.Table(
    "stock_months",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("starts_at", _INSTANT, primary_key=True),
    sa.Column("change", _QUANTITY, nullable=False),
    sa.Column("lowest", _QUANTITY, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "account_id"], ["stock_accounts.tenant_id", "stock_accounts.id"]
    ),
)

late_legs = sa.Table(
    "stock_late_legs",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("effective_at", _INSTANT, nullable=False),
    sa.Column("latest_at", _INSTANT, nullable=False),
    sa.Column("change", _QUANTITY, nullable=False),
    sa.Column("next_seq", sa.BigInteger, nullable=False),
    sa.Column("next_before", _QUANTITY, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "account_id"], ["stock_accounts.tenant_id", "stock_accounts.id"]
    ),
    sa.CheckConstraint("effective_at < latest_at", name="effective_at"),
    sa.CheckConstraint("next_seq < seq", name="next_seq"),
    sa.Index(
        None,
        *("tenant_id", "account_id", "effective_at"),
        postgresql_include=["seq", "change", "latest_at"],
        postgresql_where=sa.text("effective_at < latest_at"),
    ),
)

counters = sa.Table(
    "stock_counters",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("skips", sa.Boolean, nullable=False, server_default=sa.false()),
    postgresql_with={"fillfactor": 50},
)

period_locks = sa.Table(
    "stock_period_locks",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("locked_before", _INSTANT),
    sa.Column("set_at", _INSTANT, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

counts = sa.Table(
    "stock_counts",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("location_id", sa.Uuid, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("opened_at", _INSTANT, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("closed_at", _INSTANT),
    sa.Column("transaction_id", sa.Uuid),
    sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.id"]),
    sa.ForeignKeyConstraint(
        ["tenant_id", "transaction_id"], ["stock_transactions.tenant_id", "stock_transactions.id"]
    ),
    sa.CheckConstraint("state IN ('open', 'posted', 'cancelled')", name="state"),
    sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_at"),
    sa.CheckConstraint("state = 'posted' OR transaction_id IS NULL", name="transaction_id"),
    sa.Index(
        "stock_counts_open_key",
        *("tenant_id", "location_id"),
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
)

count_lines = sa.Table(
    "stock_count_lines",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("count_id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, primary_key=True),
    sa.Column("expected", _QUANTITY, nullable=False),
    sa.Column("counted", _QUANTITY),
    sa.ForeignKeyConstraint(
        ["tenant_id", "count_id"], ["stock_counts.tenant_id", "stock_counts.id"]
    ),
    sa.ForeignKeyConstraint(["tenant_id", "item_id"], ["items.tenant_id", "items.id"]),
    sa.CheckConstraint("expected >= 0 AND counted >= 0", name="quantity"),
)

reservations = sa.Table(
    "stock_reservations",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("request_key", sa.LargeBinary),
    sa.Column("transaction_id", sa.Uuid),
    sa.UniqueConstraint("tenant_id", "request_key"),
    # At the end: a reservation is closed before the document that it becomes is written.
    sa.ForeignKeyConstraint(
        ["tenant_id", "transaction_id"],
        ["stock_transactions.tenant_id", "stock_transactions.id"],
        deferrable=True,
        initially="DEFERRED",
    ),
    sa.CheckConstraint("state IN ('open', 'confirmed', 'released', 'expired')", name="state"),
    sa.CheckConstraint(
        "(state = 'confirmed') = (transaction_id IS NOT NULL)", name="transaction_id"
    ),
    sa.Index(None, "tenant_id", "state", "id"),
    sa.Index(None, "tenant_id", "expires_at", postgresql_where=sa.text("state = 'open'")),
)

reservation_lines = sa.Table(
    "stock_reservation_lines",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("reservation_id", sa.Uuid, primary_key=True),
    sa.Column("line_no", sa.SmallInteger, primary_key=True),
    sa.Column("item_id", sa.Uuid, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("quantity", _QUANTITY, nullable=False),
    sa.Column("entered_quantity", _QUANTITY, nullable=False),
    sa.Column("entered_unit", sa.Text, nullable=False),
    sa.Column("is_held", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "reservation_id"], ["stock_reservations.tenant_id", "stock_reservations.id"]
    ),
    sa.ForeignKeyConstraint(
        ["tenant_id", "item_id", "account_id"],
        ["stock_accounts.tenant_id", "stock_accounts.item_id", "stock_accounts.id"],
    ),
    sa.CheckConstraint("quantity > 0 AND entered_quantity > 0", name="quantity"),
    sa.Index(None, "tenant_id", "account_id", postgresql_where=sa.text("is_held")),
)
