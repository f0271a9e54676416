"""Late legs: what was there by date is told by a few rows, however many moves a month has."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.reads import CardFilter, LevelFilter
from sokho.modules.stock.infrastructure import verification
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from sokho.modules.stock.infrastructure.verification_statements import LATE
from tests.altered_function import altered
from tests.integration.ledger import Ledger
from tests.integration.plans import Explaining, Plan
from tests.integration.test_backdating import FIRST, Trade, reads_agree
from tests.integration.test_migrations import move_to

DOCUMENTS: Final = 150
STEP: Final = timedelta(hours=8)

_LATE: Final = "FROM stock_late_legs WHERE tenant_id = $1"
_FEW: Final = ("many CONSTANT integer := 200", "many CONSTANT integer := 0")
"""Lets few late legs be taken for many."""

_ROWS: Final = "SELECT array_agg(l ORDER BY account_id, seq) FROM stock_late_legs AS l"


def crowded(trade: Trade) -> datetime:
    """Return one of three times a day, in two months; of half of the documents, some days late."""
    now = len(trade.done) + trade.refused
    late = trade.chance.choice([0, 0, 0, 1, 3, 20, 60])
    return FIRST + STEP * max(0, now - trade.chance.randint(0, late))


def every_time() -> Iterator[datetime]:
    for n in range(-1, DOCUMENTS + 2):
        yield FIRST + STEP * n


async def traded(ledger: Ledger, seed: int) -> Trade:
    trade = Trade(ledger, Random(seed), crowded, undoes_from=DOCUMENTS // 2)
    for _ in range(DOCUMENTS):
        await trade.one()
    assert trade.wrong == []
    legs = sum(map(len, trade.model.changes.values()))
    late = await ledger.as_superuser(f"SELECT count(*) {_LATE}")
    assert isinstance(late, int)
    assert min(late, legs - late) > 50
    return trade


async def agree(trade: Trade) -> bool:
    try:
        await reads_agree(trade, every_time())
    except AssertionError:
        return False
    return True


@pytest.fixture
async def ledger(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Ledger]:
    database = Database(scratch.app, pool_size=1)
    yield await Ledger.opened(database, scratch.admin, derived_keys, items="A", bins="BC")
    await database.close()


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


class TestReads:
    @pytest.mark.parametrize("seed", range(3))
    async def test_add_up_where_half_of_a_month_is_late(
        self, ledger: Ledger, admin: Connection, seed: int, monkeypatch: pytest.MonkeyPatch
    ):
        trade = await traded(ledger, seed)
        await reads_agree(trade, every_time())
        async with altered(admin, "stock_balance_by_date", _FEW):
            await reads_agree(trade, every_time())
        for at_once in (7, 5_000):
            monkeypatch.setattr(verification, "_MOVES_AT_ONCE", at_once)
            assert await ledger.findings() == set()

    async def test_do_not_where_a_late_leg_is_not_kept_or_a_term_is_left_out(
        self, ledger: Ledger, admin: Connection
    ):
        """The control, for each thing that the sum is made of."""
        trade = await traded(ledger, 0)
        for changes in (
            [("RETURN then_before + behind", "RETURN then_before")],
            [("WHERE (l.effective_at, l.seq) < (place, number)", "WHERE true")],
            [("then_seq := late.next_seq;", "")],
            [("then_before := late.next_before;", "")],
            [_FEW, ("then_seq := late.next_seq;", "")],
            [_FEW, ("then_before := late.next_before;", "")],
            [_FEW, ("start_seq := late.next_seq;", "")],
            [_FEW, ("start_before := late.next_before;", "")],
            [_FEW, ("RETURN then_before - start_before", "RETURN then_before")],
            [_FEW, ("RETURN then_before - start_before", "RETURN -start_before")],
            [_FEW, ("m.starts_at < month", "false")],
            [_FEW, ("l.seq > start_seq AND l.seq < then_seq", "false")],
            [_FEW, ("l.seq > start_seq AND", "")],
            [_FEW, ("AND l.seq < then_seq", "")],
            [_FEW, ("l.effective_at >= month AND (l.", "(l.")],
            [_FEW, ("AND (l.effective_at, l.seq) < (place, number)", "")],
        ):
            async with altered(admin, "stock_balance_by_date", *changes):
                assert not await agree(trade), changes
        assert await agree(trade)
        await ledger.as_superuser(
            f"DELETE {_LATE} AND (account_id, seq) = "
            f"(SELECT account_id, seq {_LATE} ORDER BY change DESC LIMIT 1)"
        )
        assert not await agree(trade)
        [found] = await ledger.findings()
        assert "late_leg_differs" in found


class TestHistory:
    async def test_is_never_changed_by_anybody(self, ledger: Ledger, admin: Connection):
        await traded(ledger, 2)
        for change in ("UPDATE {} SET change = change", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.RestrictViolationError, match="never changed"):
                await admin.execute(change.format("stock_late_legs"))


class TestMigration:
    async def test_finds_what_posting_has_noted(
        self, ledger: Ledger, scratch: DatabaseUrls, admin: Connection
    ):
        trade = await traded(ledger, 1)
        keys = DerivedKeys.from_secret("of another")
        other = await Ledger.opened(ledger.database, scratch.admin, keys, items="A", bins="BC")
        await traded(other, 2)
        noted = await admin.fetchval(_ROWS)
        assert len(noted) > 100
        await ledger.database.close()
        move_to(scratch, "-1")
        assert await admin.fetchval("SELECT to_regclass('stock_late_legs')") is None
        move_to(scratch, "0015")
        assert await admin.fetchval(_ROWS) == noted
        sealed = "SELECT relforcerowsecurity FROM pg_class WHERE relname = $1"
        for table in ("stock_late_legs", "stock_moves"):
            assert await admin.fetchval(sealed, table)
        trade.ledger.database = Database(scratch.app, pool_size=1)
        await reads_agree(trade, every_time())
        await trade.ledger.database.close()


TENANT, ACCOUNT, OUTSIDE, ITEM, PLACE = (uuid4() for _ in range(5))
MOVES: Final = 20_000
MONTH: Final = datetime(2026, 3, 1, tzinfo=UTC)

# Every two minutes of a month one, by turns 3 in and 2 out; each hundredth some hours late.
_FILL: Final = """
WITH legs AS (
    SELECT n, CASE WHEN n % 2 = 1 THEN 3 ELSE -2 END AS change, timestamptz '2026-03-01Z'
        + (n - CASE WHEN n % 100 = 0 THEN 99 ELSE 0 END) * interval '2 minutes' AS at
    FROM generate_series(1, $4::int) AS n
), running AS (SELECT *, sum(change) OVER (ORDER BY n) AS after FROM legs)
INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity,
    entered_unit, from_account, from_seq, from_after, to_account, to_seq, to_after, effective_at,
    posted_at)
SELECT $1, gen_random_uuid(), 1, $3, abs(change), abs(change), 'kg',
    CASE WHEN change < 0 THEN $2::uuid ELSE $5::uuid END,
    CASE WHEN change < 0 THEN n END, CASE WHEN change < 0 THEN after END,
    CASE WHEN change > 0 THEN $2::uuid ELSE $5 END,
    CASE WHEN change > 0 THEN n END, CASE WHEN change > 0 THEN after END, at, at
FROM running
"""
_REST: Final = """
INSERT INTO stock_accounts VALUES ('{tenant}', '{account}', '{item}', 'on_hand', '{place}');
INSERT INTO stock_balances (tenant_id, account_id, on_hand, reserved, seq, effective_at)
SELECT '{tenant}', '{account}', sum(CASE WHEN to_seq IS NULL THEN -quantity ELSE quantity END), 0,
    count(*), max(effective_at)
FROM stock_moves;
INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, tags, attributes, version,
    created_at, updated_at)
VALUES ('{tenant}', '{item}', 'A', 'a', 'A', 'kg', 'active', '{{}}', '{{}}', 1, now(), now())
"""


@pytest.fixture
async def busy(scratch: DatabaseUrls, admin: Connection) -> AsyncIterator[Connection]:
    """The service's connection to a database with an account of 20 000 moves in a month."""
    move_to(scratch, "-1")
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(_FILL, TENANT, ACCOUNT, ITEM, MOVES, OUTSIDE)
    await admin.execute(_REST.format(tenant=TENANT, account=ACCOUNT, item=ITEM, place=PLACE))
    move_to(scratch, "0015")
    assert await admin.fetchval("SELECT count(*) FROM stock_late_legs") == MOVES // 100
    await admin.execute("VACUUM ANALYZE")
    connection = await asyncpg.connect(scratch.app)
    yield connection
    await connection.close()


async def plans_of(busy: Connection) -> list[Plan]:
    """Return how a level and the page of a card are read, in the middle of the month."""
    since = MONTH + timedelta(days=14, minutes=1)

    def level(tx: Transaction) -> Any:
        return PostgresStockReads(tx).levels(LevelFilter(item_id=ITEM, as_of=since))

    def card(tx: Transaction) -> Any:
        whose = CardFilter(item_id=ITEM, location_id=PLACE)
        return PostgresStockReads(tx).card(whose, 20, sort=Sort("effective_at"), after=(since, 1))

    plans = []
    for plan_cache in ("force_custom_plan", "force_generic_plan"):
        await busy.execute(f"SET plan_cache_mode = {plan_cache}")
        for act in (level, card):
            explaining = Explaining(busy, TENANT, "stock_moves")
            await act(explaining)
            plans.append(explaining.plan)
    return plans


class TestPlans:
    async def test_do_not_read_the_month(self, busy: Connection, admin: Connection):
        plans = await plans_of(busy)
        async with altered(admin, "stock_balance_by_date", _FEW):
            plans += await plans_of(busy)
        for plan in plans:
            assert plan.pages_read < 300, plan.text

    async def test_without_the_order_by_date_read_it_whole(
        self, busy: Connection, admin: Connection
    ):
        """The control."""
        for side in ("from", "to"):
            name = f"stock_moves_tenant_id_{side}_account_effective_at_{side}_seq_idx"
            await admin.execute(f"DROP INDEX {name}")
        for plan in await plans_of(busy):
            assert plan.pages_read > 300, plan.text

    async def test_of_the_proof_look_moves_up_by_number(self, busy: Connection, admin: Connection):
        """The oldest numbers: a look by date would go through all later moves for each late one."""
        assert await pages_of_the_proof(busy) < 1_500
        for side in ("from", "to"):  # the control
            await admin.execute(f"DROP INDEX stock_moves_tenant_id_{side}_account_{side}_seq_idx")
        assert await pages_of_the_proof(busy) > 3_000


async def pages_of_the_proof(busy: Connection) -> int:
    pages = []
    for plan_cache in ("force_custom_plan", "force_generic_plan"):
        await busy.execute(f"SET plan_cache_mode = {plan_cache}")
        explaining = Explaining(busy, TENANT, "stock_moves")
        await explaining.fetch_all(LATE, account_ids=[ACCOUNT], firsts=[1], lasts=[5_000])
        pages.append(explaining.plan.pages_read)
    return max(pages)
