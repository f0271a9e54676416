"""A page of a stock card is read along the numbers of its moves, however long the card is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Position, Sort
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.reads import Basis, CardFilter, LevelFilter
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from tests.integration.plans import Explaining, Plan

TENANT: Final = uuid4()
ITEM, PLACE = UUID(int=1), UUID(int=1)
MOVES: Final = 40_000

# The item 1 comes in and goes out by turns, a document each; of a hundred others there are as many
# moves. Accounts: of the item n, what is at the place (n * 2) and what is outside (n * 2 + 1).
_FILL: Final = (
    """
    INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, tags, attributes, version,
                       created_at, updated_at)
    SELECT $1, lpad(to_hex(n), 32, '0')::uuid, 's' || n, 's' || n, 'x', 'cái', 'active', '{}',
           '{}', 1, now(), now()
    FROM generate_series(1, 101) AS n WHERE $2::int > 0
    """,
    """
    INSERT INTO stock_accounts (tenant_id, id, item_id, kind, location_id)
    SELECT $1, lpad(to_hex(n * 2 + outside), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid,
           CASE outside WHEN 0 THEN 'on_hand' ELSE 'supplier' END,
           CASE outside WHEN 0 THEN lpad('1', 32, '0')::uuid END
    FROM generate_series(1, 101) AS n, generate_series(0, 1) AS outside WHERE $2::int > 0
    """,
    """
    INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at,
                                    posted_at, actor, digest, digest_key_id)
    SELECT $1, lpad(to_hex(n), 32, '0')::uuid, 'receipt', 2026, 'PN-' || n,
           '2026-01-01'::timestamptz + n * interval '1 minute',
           '2026-01-01'::timestamptz + n * interval '1 minute', 'x', sha256('x'), 'x'
    FROM generate_series(1, $2::int) AS n
    """,
    """
    INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity,
                             entered_quantity, entered_unit, from_account, from_seq, from_after,
                             to_account, to_seq, to_after, effective_at, posted_at)
    SELECT $1, lpad(to_hex(n), 32, '0')::uuid, line_no, lpad(to_hex(item), 32, '0')::uuid, 1, 1,
           'cái',
           lpad(to_hex(item * 2 + seq % 2), 32, '0')::uuid,
           CASE seq % 2 WHEN 0 THEN seq END, CASE seq % 2 WHEN 0 THEN 0 END,
           lpad(to_hex(item * 2 + 1 - seq % 2), 32, '0')::uuid,
           CASE seq % 2 WHEN 1 THEN seq END, CASE seq % 2 WHEN 1 THEN 1 END,
           '2026-01-01'::timestamptz + n * interval '1 minute',
           '2026-01-01'::timestamptz + n * interval '1 minute'
    FROM generate_series(1, $2::int) AS n,
         LATERAL (VALUES (1, 1, n), (2, n % 100 + 2, n / 100 + 1)) AS line (line_no, item, seq)
    """,
)

_WAYS: Final = [*product((False, True), (None, (MOVES // 2,)))]
"""Both directions, each from its beginning and from the middle."""

HALFWAY: Final = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=MOVES // 2)


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """A database with one long card among a hundred short ones."""
    connection = await asyncpg.connect(scratch.admin)
    await connection.execute("SET session_replication_role = replica")
    for statement in _FILL:
        await connection.execute(statement, TENANT, MOVES)
    await connection.execute("VACUUM ANALYZE")
    yield connection
    await connection.close()


@pytest.fixture
async def connection(scratch: DatabaseUrls, admin: Connection) -> AsyncIterator[Connection]:
    """A connection of the service's own role."""
    assert not admin.is_closed()
    connection = await asyncpg.connect(scratch.app)
    yield connection
    await connection.close()


async def planned(
    connection: Connection,
    *,
    descending: bool,
    after: Position | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Plan:
    transaction = Explaining(connection, TENANT, "stock_moves")
    await PostgresStockReads(transaction).card(
        CardFilter(item_id=ITEM, location_id=PLACE, since=since, until=until),
        100,
        sort=Sort("posted_at", descending=descending),
        after=after,
    )
    return transaction.plan


class TestPage:
    async def test_costs_its_own_moves_and_no_others(self, connection: Connection):
        for plan_cache in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET plan_cache_mode = {plan_cache}")
            for descending, after in _WAYS:
                plan = await planned(connection, descending=descending, after=after)
                assert plan.pages_read < 1_000, plan.text

    async def test_without_its_indexes_costs_the_whole_card(
        self, admin: Connection, connection: Connection
    ):
        """The control."""
        for side in ("from", "to"):
            await admin.execute(f"DROP INDEX stock_moves_tenant_id_{side}_account_{side}_seq_idx")
        plan = await planned(connection, descending=False, after=None)
        assert plan.pages_read > 1_000, plan.text


async def planned_since_and_until_halfway(connection: Connection) -> list[Plan]:
    return [
        await planned(connection, descending=descending, after=None, **{bound: HALFWAY})
        for descending, bound in product((False, True), ("since", "until"))
    ]


async def planned_as_posted_by_halfway(connection: Connection) -> Plan:
    transaction = Explaining(connection, TENANT, "stock_accounts")
    as_of = LevelFilter(item_id=ITEM, as_of=HALFWAY, as_of_basis=Basis.POSTED)
    await PostgresStockReads(transaction).levels(as_of)
    return transaction.plan


class TestTimeOfPosting:
    async def test_is_found_in_the_middle_of_a_card(self, connection: Connection):
        for plan_cache in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET plan_cache_mode = {plan_cache}")
            for plan in await planned_since_and_until_halfway(connection):
                assert plan.pages_read < 1_000, plan.text
            level = await planned_as_posted_by_halfway(connection)
            assert level.pages_read < 100, level.text

    async def test_without_its_indexes_is_looked_for_from_the_end(
        self, admin: Connection, connection: Connection
    ):
        """The control."""
        for side in ("from", "to"):
            name = f"stock_moves_tenant_id_{side}_account_posted_at_{side}_seq_idx"
            await admin.execute(f"DROP INDEX {name}")
        plans = await planned_since_and_until_halfway(connection)
        assert any(plan.pages_read > 1_000 for plan in plans)
        level = await planned_as_posted_by_halfway(connection)
        assert level.pages_read > 100, level.text
