"""Whoever follows the log misses nothing, in whatever order transactions come to their ends."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sokho.core.domain.events import Event
from sokho.core.infrastructure.database import TENANT, Database, Statement, Transaction
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.tenants.infrastructure.tables import tenants
from tests.integration.followers import CARELESS, Careless, Follower, Reader
from tests.recorded import Recorded

BEGIN: Final = Statement(sa.select(TENANT.label("tenant")))
NUMBERED: Final = Statement(
    sa.select(sa.cast(sa.func.pg_current_xact_id(), sa.Text), TENANT.label("tenant"))
)
TOUCH: Final = Statement(sa.update(tenants).where(tenants.c.id == TENANT).values(name="x"))
"""A change, of no row: what is recorded before goes with it."""

PATIENCE: Final = 20.0
"""For what other tests of this run have open: the horizon is the whole server's."""


@pytest.fixture
async def wide(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """Connections for many transactions at a time, and one to read."""
    database = Database(urls.app, pool_size=12)
    yield database
    await database.close()


@pytest.fixture
def tenant_id() -> UUID:
    return uuid4()


def an_event(name: object) -> Event:
    return Event(str(name), None, {})


async def begun(database: Database, tenant_id: UUID, statement: Statement = BEGIN) -> Transaction:
    """Return a transaction that is open, and with `NUMBERED` has its number."""
    transaction = database.transaction(tenant_id)
    await transaction.fetch_all(statement)
    return transaction


async def written(database: Database, tenant_id: UUID, *names: object) -> None:
    async with database.transaction(tenant_id) as transaction:
        for name in names:
            transaction.record(an_event(name))


async def seen_by(follower: Follower, count: int) -> list[str]:
    """Read on until `count` events were seen; an older transaction may still be open elsewhere."""
    async with asyncio.timeout(PATIENCE):
        while len(follower.seen) < count:
            await follower.catch_up()
            await asyncio.sleep(0.02)
    await follower.catch_up()
    return follower.seen


class TestLongTransaction:
    async def test_hides_what_stands_behind_it_until_it_ends(self, wide: Database, tenant_id: UUID):
        reader = Reader(wide, tenant_id)
        await written(wide, tenant_id, "before")
        assert await seen_by(reader, 1) == ["before"]
        long = await begun(wide, tenant_id, NUMBERED)
        for number in range(5):
            await written(wide, tenant_id, number)
            assert await reader.catch_up() == []
        assert len(await Recorded(wide, tenant_id).all()) == 6  # they are committed
        long.record(an_event("long"))
        await long.commit()
        assert await seen_by(reader, 7) == ["before", "long", "0", "1", "2", "3", "4"]

    async def test_hides_nothing_that_stands_before_it(self, wide: Database, tenant_id: UUID):
        early = await begun(wide, tenant_id, NUMBERED)
        early.record(an_event("early"))
        long = await begun(wide, tenant_id, NUMBERED)
        await early.commit()
        assert await seen_by(Reader(wide, tenant_id), 1) == ["early"]
        await long.rollback()

    async def test_hides_as_well_when_it_is_of_another_tenant(
        self, wide: Database, tenant_id: UUID
    ):
        long = await begun(wide, uuid4(), NUMBERED)
        await written(wide, tenant_id, "behind")
        reader = Reader(wide, tenant_id)
        assert await reader.catch_up() == []
        await long.rollback()
        assert await seen_by(reader, 1) == ["behind"]

    async def test_that_has_only_read_hides_nothing(self, wide: Database, tenant_id: UUID):
        reading = await begun(wide, tenant_id)
        await written(wide, tenant_id, "beside")
        assert await seen_by(Reader(wide, tenant_id), 1) == ["beside"]
        await reading.rollback()

    async def test_that_is_undone_leaves_nothing(self, wide: Database, tenant_id: UUID):
        long = await begun(wide, tenant_id, NUMBERED)
        long.record(an_event("undone"))
        await long.fetch_all(TOUCH)
        await written(wide, tenant_id, "kept")
        await long.rollback()
        assert await seen_by(Reader(wide, tenant_id), 1) == ["kept"]


class TestCarelessReader:
    """The control: what the horizon is there for, seen to happen without it."""

    @pytest.mark.parametrize("order", CARELESS)
    async def test_misses_one(self, wide: Database, tenant_id: UUID, order: str):
        careless, reader = Careless(wide, tenant_id, *CARELESS[order]), Reader(wide, tenant_id)
        long = await begun(wide, tenant_id)
        long.record(an_event("long"))
        await long.fetch_all(TOUCH)  # its number, its event and its time are now older
        await written(wide, tenant_id, "quick")
        assert await careless.catch_up() == ["quick"]
        await reader.catch_up()
        await long.commit()
        assert await careless.catch_up() == []
        assert await seen_by(reader, 2) == ["long", "quick"]


class TestManyWriters:
    @pytest.mark.parametrize("chance", range(4))
    async def test_are_each_seen_once_whatever_the_order_of_their_ends(
        self, wide: Database, tenant_id: UUID, chance: int
    ):
        """They begin, are numbered, make their ids and commit in four different orders."""
        choose = random.Random(chance)
        names = [*range(9)]
        open_ = {name: await begun(wide, tenant_id) for name in choose.sample(names, 9)}
        for name in choose.sample(names, 9):
            await open_[name].fetch_all(NUMBERED)
        for name in choose.sample(names, 9):
            open_[name].record(an_event(f"{name}a"))
            open_[name].record(an_event(f"{name}b"))
            await open_[name].fetch_all(TOUCH)
        reader = Reader(wide, tenant_id)
        for name in choose.sample(names, 9):
            await open_[name].commit()
            await reader.catch_up()
        expected = [f"{name}{part}" for name in names for part in "ab"]
        seen = await seen_by(reader, len(expected))
        assert sorted(seen) == expected
        rows = await Recorded(wide, tenant_id).all()
        assert seen == [row["type"] for row in rows]
        orders = {
            tuple(row["type"] for row in sorted(rows, key=lambda row: row[name]))
            for name in ("xid", "id", "created_at")
        }
        assert len(orders) == 3

    async def test_that_run_freely_are_each_seen_once(self, wide: Database, tenant_id: UUID):
        choose = random.Random(7)
        long = await begun(wide, tenant_id, NUMBERED)
        reader = Reader(wide, tenant_id)

        async def writer(number: int) -> None:
            for turn in range(12):
                async with wide.transaction(tenant_id) as transaction:
                    for part in range(choose.randint(1, 3)):
                        transaction.record(an_event(f"{number}/{turn}/{part}"))
                        await transaction.fetch_all(TOUCH)
                        await asyncio.sleep(choose.random() / 200)

        writers = asyncio.gather(*(writer(number) for number in range(8)))
        await asyncio.sleep(0.1)
        assert await reader.catch_up() == []
        long.record(an_event("long"))
        await long.commit()
        while not writers.done():
            await reader.catch_up()
            await asyncio.sleep(0.005)
        await writers
        expected = [row["type"] for row in await Recorded(wide, tenant_id).all()]
        assert await seen_by(reader, len(expected)) == expected
        assert max(Counter(expected).values()) == 1


class TestNewestFirst:
    async def test_a_scan_shows_what_there_was_once_whatever_comes_meanwhile(
        self, wide: Database, tenant_id: UUID
    ):
        for number in range(8):
            await written(wide, tenant_id, number)
        await seen_by(Reader(wide, tenant_id), 8)
        late = await begun(wide, tenant_id, NUMBERED)
        await written(wide, tenant_id, "hidden")
        newest_first = Reader(wide, tenant_id, descending=True)
        while await newest_first.turn_page():
            await written(wide, tenant_id, "meanwhile")
        late.record(an_event("late"))
        await late.commit()
        assert newest_first.seen == ["7", "6", "5", "4", "3", "2", "1", "0"]
        assert await newest_first.catch_up() == []

    async def test_is_the_other_order_backwards(self, wide: Database, tenant_id: UUID):
        for number in range(4):
            await written(wide, tenant_id, f"{number}a", f"{number}b")
        forwards = await seen_by(Reader(wide, tenant_id), 8)
        backwards = await seen_by(Reader(wide, tenant_id, descending=True), 8)
        assert backwards == forwards[::-1]
