"""What is free again is found among what is due, and not among all that is promised."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.reads import LevelFilter
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from tests.integration.plans import Explaining
from tests.integration.test_level_plans import MANY, WAREHOUSE, fill

ITEM: Final = UUID(int=7)
PROMISES: Final = 20_000
INDEX: Final = "stock_reservations_tenant_id_expires_at_idx"

# All of one item, at one place; of each thousandth the time is over.
_PROMISES: Final = """
WITH given AS (
    INSERT INTO stock_reservations (tenant_id, id, state, created_at, expires_at, actor)
    SELECT $1, gen_random_uuid(), 'open', now() - interval '1 day',
           now() + CASE WHEN n % 1000 = 0 THEN -1 ELSE 1 END * interval '1 hour', 'test'
    FROM generate_series(1, $2::int) AS n
    RETURNING id
)
INSERT INTO stock_reservation_lines (tenant_id, reservation_id, line_no, item_id, account_id,
                                     quantity, entered_quantity, entered_unit, is_held)
SELECT $1, given.id, 1, account.item_id, account.id, 1, 1, 'cái', true
FROM given, stock_accounts AS account
WHERE account.tenant_id = $1 AND account.kind = 'on_hand'
  AND account.item_id = $3 AND account.location_id = $4
"""
_RESERVED: Final = """
UPDATE stock_balances AS balance SET on_hand = $2, reserved = $2
FROM stock_accounts AS account
WHERE balance.tenant_id = $1 AND account.tenant_id = $1 AND account.id = balance.account_id
  AND account.item_id = $3 AND account.location_id = $4
"""


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    await connection.execute("SET session_replication_role = replica")
    await fill(connection, MANY, 200)
    for statement in (_PROMISES, _RESERVED):
        await connection.execute(statement, MANY, PROMISES, ITEM, WAREHOUSE)
    await connection.execute("VACUUM ANALYZE")
    yield connection
    await connection.close()


@pytest.mark.parametrize("plan_cache", ["force_custom_plan", "force_generic_plan"])
async def test_a_level_reads_no_promise_that_is_not_due(
    scratch: DatabaseUrls, admin: Connection, plan_cache: str
):
    connection = await asyncpg.connect(scratch.app)
    await connection.execute(f"SET plan_cache_mode = {plan_cache}")
    transaction = Explaining(connection, MANY, "stock_reservations")
    filter = LevelFilter(item_id=ITEM, location_id=WAREHOUSE)
    await PostgresStockReads(transaction).levels(filter, 100)
    due = transaction.plan
    assert INDEX in due.text, due.text
    assert due.pages_read < PROMISES / 50, due.text

    # The control: without the index all of them are read.
    await admin.execute(f"DROP INDEX {INDEX}")
    await PostgresStockReads(transaction).levels(filter, 100)
    assert transaction.plan.pages_read > PROMISES / 50, transaction.plan.text
    await connection.close()
