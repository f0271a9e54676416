"""The books of a business, recomputed from the moves by SQL of the tests' own."""

from typing import Final
from uuid import UUID

import asyncpg

_ACCOUNTS: Final = """
WITH legs AS (
    SELECT from_account AS account, from_seq AS seq, from_after AS after, -quantity AS change
    FROM stock_moves WHERE tenant_id = $1 AND from_seq IS NOT NULL
    UNION ALL
    SELECT to_account, to_seq, to_after, quantity
    FROM stock_moves WHERE tenant_id = $1 AND to_seq IS NOT NULL
), chained AS (
    SELECT *, sum(change) OVER so_far AS running, row_number() OVER so_far AS nth
    FROM legs WINDOW so_far AS (PARTITION BY account ORDER BY seq ROWS UNBOUNDED PRECEDING)
), summed AS (
    SELECT account, sum(change) AS sum, count(*) AS count,
           bool_and(seq = nth AND after = running AND after >= 0) AS goes_on
    FROM chained GROUP BY account
)
SELECT coalesce(account_id, account)
FROM (SELECT * FROM stock_balances WHERE tenant_id = $1) AS balance
FULL JOIN summed ON account = account_id
WHERE (on_hand, seq, true) IS DISTINCT FROM (coalesce(sum, 0), coalesce(count, 0),
                                             coalesce(goes_on, true))
"""

_ITEMS: Final = """
WITH there AS (
    SELECT item_id, sum(on_hand) AS quantity
    FROM stock_balances AS balance
    JOIN stock_accounts AS account ON account.tenant_id = $1 AND account.id = account_id
    WHERE balance.tenant_id = $1 GROUP BY item_id
), came AS (
    SELECT move.item_id, sum(CASE WHEN source.location_id IS NULL THEN quantity ELSE 0 END
                             - CASE WHEN target.location_id IS NULL THEN quantity ELSE 0 END)
                         AS quantity
    FROM stock_moves AS move
    JOIN stock_accounts AS source ON source.tenant_id = $1 AND source.id = from_account
    JOIN stock_accounts AS target ON target.tenant_id = $1 AND target.id = to_account
    WHERE move.tenant_id = $1 GROUP BY move.item_id
)
SELECT item_id FROM there FULL JOIN came USING (item_id)
WHERE coalesce(there.quantity, 0) <> coalesce(came.quantity, 0)
"""

_GAPS: Final = """
SELECT type || ' ' || year FROM stock_transactions
WHERE tenant_id = $1 AND document_no ~ '^[A-Z]{2}-[0-9]{4}-[0-9]{6,}$'
GROUP BY type, year HAVING max(split_part(document_no, '-', 3)::int) <> count(*)
"""


async def wrong_accounts(
    admin: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> list[UUID]:
    """Return the places' accounts whose balance, numbers or running balances are not their moves'.

    A running balance below nothing is wrong too.
    """
    return [row[0] for row in await admin.fetch(_ACCOUNTS, tenant_id)]


async def unconserved_items(
    admin: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> list[UUID]:
    """Return the items of which there is not as much as has come in and not gone out."""
    return [row[0] for row in await admin.fetch(_ITEMS, tenant_id)]


async def numbers_with_gaps(
    admin: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> list[str]:
    """Return the types and years whose given document numbers skip one or begin above 1."""
    return [row[0] for row in await admin.fetch(_GAPS, tenant_id)]
