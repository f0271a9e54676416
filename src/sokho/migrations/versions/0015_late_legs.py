"""Late moves: those dated before another that their account had already (ADR 0057)."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE
from sokho.core.infrastructure.database.row_security import backfill, seal_table

revision = "0015"
down_revision = "0014"

_TABLE = "stock_late_legs"
_QUANTITY = sa.Numeric(20, 6)
_INSTANT = sa.DateTime(timezone=True)

# Of an account the moves that are not late have, by number, dates that never fall: so the first of
# them behind a date is the one of the least number.
_FILL = f"""
WITH legs AS (
    SELECT tenant_id, from_account AS account_id, from_seq AS seq, effective_at,
        -quantity AS change, from_after AS after
    FROM stock_moves WHERE from_seq IS NOT NULL
    UNION ALL
    SELECT tenant_id, to_account, to_seq, effective_at, quantity, to_after
    FROM stock_moves WHERE to_seq IS NOT NULL
), dated AS (
    SELECT *, max(effective_at) OVER (
        PARTITION BY tenant_id, account_id ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS latest_at
    FROM legs
), placed AS (
    SELECT *, min(seq) FILTER (WHERE coalesce(effective_at >= latest_at, true)) OVER (
        PARTITION BY tenant_id, account_id ORDER BY effective_at DESC
        GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS next_seq
    FROM dated
)
INSERT INTO {_TABLE}
    (tenant_id, account_id, seq, effective_at, latest_at, change, next_seq, next_before)
SELECT late.tenant_id, late.account_id, late.seq, late.effective_at, late.latest_at, late.change,
    late.next_seq, next.after - next.change
FROM placed AS late
JOIN legs AS next ON next.tenant_id = late.tenant_id AND next.account_id = late.account_id
    AND next.seq = late.next_seq
WHERE late.effective_at < late.latest_at
"""

# What an account held before a place in the order of its moves by date: a date and a number. Given
# are the number of the next move by date, and what was there before that one, by number; to which
# come the late legs behind it that are dated so. Where there are many, of whatever age, the sum of
# the months before is right instead, and to it come the moves since: those by number, less the late
# ones among them, and the late ones that are dated so.
# A function, for most reads do without: a query is made ready as a whole, whatever of it is run.
_BALANCE = f"""
CREATE FUNCTION stock_balance_by_date(
    tenant uuid, account uuid, then_seq bigint, then_before numeric,
    place timestamptz, number bigint
) RETURNS numeric LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    many CONSTANT integer := 200;
    month CONSTANT timestamptz := date_trunc('month', place, 'UTC');
    late {_TABLE};
    legs bigint;
    behind numeric;
    start_seq bigint;
    start_before numeric;
BEGIN
    -- Of a late one it is known which is the first behind it that is not.
    SELECT * INTO late FROM {_TABLE}
    WHERE tenant_id = tenant AND account_id = account AND seq = then_seq;
    IF FOUND THEN
        then_seq := late.next_seq;
        then_before := late.next_before;
    END IF;
    SELECT count(*), coalesce(sum(l.change) FILTER (
        WHERE (l.effective_at, l.seq) < (place, number)
    ), 0) INTO legs, behind FROM (
        SELECT change, effective_at, seq FROM {_TABLE}
        WHERE tenant_id = tenant AND account_id = account AND seq > then_seq
        ORDER BY seq LIMIT many
    ) AS l;
    IF legs < many THEN
        RETURN then_before + behind;
    END IF;
    SELECT seq, before INTO start_seq, start_before FROM (
        (SELECT effective_at, from_seq AS seq, from_after + quantity AS before FROM stock_moves
        WHERE tenant_id = tenant AND from_account = account AND from_seq IS NOT NULL
            AND effective_at >= month
        ORDER BY effective_at, from_seq LIMIT 1)
        UNION ALL
        (SELECT effective_at, to_seq, to_after - quantity FROM stock_moves
        WHERE tenant_id = tenant AND to_account = account AND to_seq IS NOT NULL
            AND effective_at >= month
        ORDER BY effective_at, to_seq LIMIT 1)
    ) AS firsts ORDER BY effective_at, seq LIMIT 1;
    SELECT * INTO late FROM {_TABLE}
    WHERE tenant_id = tenant AND account_id = account AND seq = start_seq;
    IF FOUND THEN
        start_seq := late.next_seq;
        start_before := late.next_before;
    END IF;
    RETURN then_before - start_before
        + (SELECT coalesce(sum(m.change), 0) FROM stock_months AS m
            WHERE m.tenant_id = tenant AND m.account_id = account AND m.starts_at < month)
        - (SELECT coalesce(sum(l.change), 0) FROM {_TABLE} AS l
            WHERE l.tenant_id = tenant AND l.account_id = account
                AND l.seq > start_seq AND l.seq < then_seq)
        + (SELECT coalesce(sum(l.change), 0) FROM {_TABLE} AS l
            WHERE l.tenant_id = tenant AND l.account_id = account
                AND l.effective_at < l.latest_at
                AND l.effective_at >= month AND (l.effective_at, l.seq) < (place, number));
END $$
"""


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("effective_at", _INSTANT, nullable=False),
        sa.Column("latest_at", _INSTANT, nullable=False),
        sa.Column("change", _QUANTITY, nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("next_before", _QUANTITY, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "seq", name=f"{_TABLE}_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["stock_accounts.tenant_id", "stock_accounts.id"],
            name=f"{_TABLE}_tenant_id_account_id_fkey",
        ),
        sa.CheckConstraint("effective_at < latest_at", name=f"{_TABLE}_effective_at_check"),
        sa.CheckConstraint("next_seq > 0 AND next_seq < seq", name=f"{_TABLE}_next_seq_check"),
    )
    # All rows fulfil its condition, and who looks for dates says so. Of an account with few late
    # legs, as most are, the planner takes one index for as good as the other; not so this one
    # where numbers are looked for.
    op.create_index(
        f"{_TABLE}_tenant_id_account_id_effective_at_idx",
        _TABLE,
        ["tenant_id", "account_id", "effective_at"],
        postgresql_include=["seq", "change", "latest_at"],
        postgresql_where=sa.text("effective_at < latest_at"),
    )
    seal_table(_TABLE, commands=("SELECT", "INSERT"))
    op.execute(
        f"CREATE TRIGGER {_TABLE}_stay BEFORE UPDATE OR DELETE ON {_TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION stock_history_stays()"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_stay_whole BEFORE TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION stock_history_stays()"
    )
    backfill(_TABLE, _FILL, reads=["stock_moves"])
    op.execute(_BALANCE)
    op.execute("REVOKE ALL ON FUNCTION stock_balance_by_date FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION stock_balance_by_date TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION stock_balance_by_date")
    op.drop_table(_TABLE)
