"""A change that is committed by its own statement: as sealed as any, in one round trip."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import bindparam as p

from sokho.core.domain.events import Event, created
from sokho.core.domain.identity import Origin
from sokho.core.infrastructure.database import (
    TENANT,
    CollisionError,
    Database,
    Statement,
    Transaction,
    insertion,
)
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import DuplicateSKUError
from sokho.modules.items.domain.repository import ItemFilter
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.items.infrastructure.tables import item_tags, items
from sokho.provisioning import open_business
from tests.fakes.items import an_item

_EVENTS: Final = Statement(
    sa.select(sa.column("resource_id"), sa.column("tenant_id"))
    .select_from(sa.table("events"))
    .where(sa.column("tenant_id", sa.Uuid) == TENANT, sa.column("type") == "item.created")
)
_SLEEP: Final = Statement(
    insertion(item_tags, {"tenant_id": TENANT, "tag": sa.cast(sa.func.pg_sleep(30), sa.Text)})
)


@pytest.fixture
async def alone(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """One connection: what somebody leaves on it, the next one meets."""
    database = Database(urls.app, pool_size=1)
    yield database
    await database.close()


@pytest.fixture
async def ours(alone: Database, derived_keys: DerivedKeys) -> UUID:
    return (await open_business(alone, derived_keys, "Kho nhà")).tenant.id


@pytest.fixture
async def theirs(alone: Database, derived_keys: DerivedKeys) -> UUID:
    return (await open_business(alone, derived_keys, "Kho bên")).tenant.id


def at_once(database: Database, tenant_id: UUID, **origin: Any) -> Transaction:
    transaction = database.transaction(tenant_id, origin=Origin("command_line", **origin))
    transaction.commit_with_change()
    return transaction


async def make(transaction: Transaction, item: Item) -> Item:
    transaction.record(created("item", item.id, item))
    return await PostgresItemRepo(transaction).create(item)


def item_of(tenant_id: UUID, **given: Any) -> Item:
    return replace(an_item(**given), tenant_id=tenant_id)


async def kept(database: Database, tenant_id: UUID) -> tuple[list[UUID], list[str]]:
    """Return the ids of the items that are stored, and those that events tell of."""
    async with database.transaction(tenant_id, read_only=True) as transaction:
        found = await PostgresItemRepo(transaction).list(ItemFilter())
        told = await transaction.fetch_all(_EVENTS)
    assert all(row["tenant_id"] == tenant_id for row in told)
    return [item.id for item in found], sorted(row["resource_id"] for row in told)


async def backend(database: Database) -> int:
    async with database.unbound() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
        return pid


class TestOneTrip:
    @pytest.mark.parametrize("tags", [(), ("đinh", "kẽm")])
    async def test_stores_the_row_and_its_event(
        self, alone: Database, ours: UUID, tags: tuple[str, ...]
    ):
        item = item_of(ours, tags=tags)
        async with at_once(alone, ours) as transaction:
            stored = await make(transaction, item)
        assert transaction.round_trips == 1
        assert transaction.is_traceable
        assert stored.tags == tags
        assert await kept(alone, ours) == ([item.id], [str(item.id)])

    async def test_is_over_then(self, alone: Database, ours: UUID):
        async with at_once(alone, ours) as transaction:
            await make(transaction, item_of(ours))
            with pytest.raises(RuntimeError, match="ended"):
                await PostgresItemRepo(transaction).list(ItemFilter())
        items, _ = await kept(alone, ours)
        assert len(items) == 1

    async def test_stays_whatever_comes_after_it(self, alone: Database, ours: UUID):
        with pytest.raises(ZeroDivisionError):
            async with at_once(alone, ours) as transaction:
                await make(transaction, item_of(ours))
                raise ZeroDivisionError
        items, events = await kept(alone, ours)
        assert len(items) == len(events) == 1

    async def test_would_be_undone_in_a_transaction_of_several(self, alone: Database, ours: UUID):
        """The control."""
        with pytest.raises(ZeroDivisionError):
            async with alone.transaction(ours) as transaction:
                await make(transaction, item_of(ours))
                raise ZeroDivisionError
        assert await kept(alone, ours) == ([], [])


class TestSeal:
    @pytest.mark.parametrize("plan", ["force_generic_plan", "force_custom_plan", "auto"])
    @pytest.mark.parametrize("off", ["nestloop", "hashjoin", "indexscan", "material", "seqscan"])
    async def test_binds_first_under_every_plan(
        self, alone: Database, ours: UUID, theirs: UUID, plan: str, off: str
    ):
        async with alone.unbound() as connection:
            await connection.execute(f"SET plan_cache_mode = {plan}; SET enable_{off} = off")
        made: dict[UUID, list[UUID]] = {ours: [], theirs: []}
        for number in range(14):  # PostgreSQL weighs a plan for any values from the sixth time on
            for tenant_id, ids in made.items():
                item = item_of(tenant_id, tags=("a", "b") if number % 2 else ())
                async with at_once(alone, tenant_id) as transaction:
                    stored = await make(transaction, item)
                assert stored.tenant_id == tenant_id
                assert transaction.round_trips == 1
                ids.append(item.id)
        for tenant_id, ids in made.items():
            assert await kept(alone, tenant_id) == (ids, sorted(map(str, ids)))

    async def test_leaves_no_tenant_on_the_connection(self, alone: Database, ours: UUID):
        async with at_once(alone, ours) as transaction:
            await make(transaction, item_of(ours))
        async with alone.unbound() as connection:
            assert not await connection.fetchval("SELECT current_setting('app.current_tenant')")
            with pytest.raises(asyncpg.InvalidTextRepresentationError):
                await connection.fetch("SELECT * FROM items")

    @pytest.mark.parametrize("tags", [(), ("đinh",)])
    async def test_refuses_a_row_of_another_tenant(
        self, alone: Database, ours: UUID, theirs: UUID, tags: tuple[str, ...]
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with at_once(alone, ours) as transaction:
                await make(transaction, item_of(theirs, tags=tags))
        for tenant_id in (ours, theirs):
            assert await kept(alone, tenant_id) == ([], [])

    async def test_fails_closed_where_nothing_binds(self, urls: DatabaseUrls, ours: UUID):
        """The control: the same statement, without what binds the tenant in it."""
        values: dict[str, Any] = {column.name: p(column.name) for column in items.columns}
        bare = Statement(sa.insert(items).values(values))
        assert not bare.binds
        item = item_of(ours)
        given = {name: getattr(item, name) for name in values}
        connection = await asyncpg.connect(urls.app)
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=lambda _: "{}", decoder=str
        )
        with pytest.raises(asyncpg.UndefinedObjectError):
            await connection.execute(bare.text, *bare.arguments(ours, given))
        await connection.close()

    async def test_is_never_offered_for_what_reads_before_it_writes(self):
        """An UPDATE may look for its rows before a CTE has bound the tenant."""
        new = insertion(items, {"tenant_id": TENANT, "id": p("id")}).returning(items.c.id).cte()
        assert Statement(sa.select(new)).binds
        for change in (sa.update(items).values(name=p("name")), sa.delete(items)):
            ours = change.where(items.c.tenant_id == TENANT)
            assert not Statement(ours.add_cte(new)).binds
            assert not Statement(sa.select(new).add_cte(ours.cte("changed"))).binds


class TestFailure:
    async def test_leaves_neither_row_nor_event(self, alone: Database, ours: UUID):
        item = item_of(ours, sku="A")
        async with at_once(alone, ours) as transaction:
            await make(transaction, item)
        before = await backend(alone)
        with pytest.raises(DuplicateSKUError):
            async with at_once(alone, ours) as transaction:
                await make(transaction, item_of(ours, sku="a"))
        assert transaction.round_trips == 1
        assert await kept(alone, ours) == ([item.id], [str(item.id)])
        assert await backend(alone) == before

    async def test_cannot_be_swallowed(self, alone: Database, ours: UUID):
        with pytest.raises(RuntimeError, match="rolled back"):
            async with at_once(alone, ours) as transaction:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await make(transaction, item_of(uuid4()))

    async def test_of_a_lock_that_is_not_to_be_had_is_a_collision(
        self, alone: Database, ours: UUID, urls: DatabaseUrls
    ):
        async with alone.unbound() as connection:
            await connection.execute("SET lock_timeout = '50ms'")
        holder = await asyncpg.connect(urls.admin)
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT * FROM units WHERE tenant_id = $1 FOR UPDATE", ours)
        with pytest.raises(CollisionError):
            async with at_once(alone, ours) as transaction:
                await make(transaction, item_of(ours))
        await held.rollback()
        await holder.close()
        assert await kept(alone, ours) == ([], [])

    async def test_by_cancellation_closes_the_connection(self, alone: Database, ours: UUID):
        before = await backend(alone)

        async def sleep() -> None:
            async with at_once(alone, ours) as transaction:
                transaction.record(Event("item.created", None, {}))
                await transaction.fetch_all(_SLEEP)

        task = asyncio.create_task(sleep())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await backend(alone) != before
        assert await kept(alone, ours) == ([], [])


class TestOrdinaryWay:
    """Where there is more to do than the one change, it is a transaction of several trips."""

    async def test_is_taken_after_another_statement(self, alone: Database, ours: UUID):
        with pytest.raises(ZeroDivisionError):
            async with at_once(alone, ours) as transaction:
                assert await PostgresItemRepo(transaction).hold(uuid4()) is None
                await make(transaction, item_of(ours))
                raise ZeroDivisionError
        assert await kept(alone, ours) == ([], [])

    async def test_is_taken_where_something_goes_with_begin(self, alone: Database, ours: UUID):
        async with at_once(alone, ours) as transaction:
            transaction.begin_with("SELECT 1")
            await make(transaction, item_of(ours))
        assert transaction.round_trips == 3

    async def test_is_taken_for_a_second_event(self, alone: Database, ours: UUID):
        async with at_once(alone, ours) as transaction:
            transaction.record(Event("item.batch", None, {}))
            await make(transaction, item_of(ours))
        assert transaction.round_trips == 4

    async def test_is_taken_where_the_person_has_to_be_looked_up(self, alone: Database, ours: UUID):
        async with at_once(alone, ours, on_behalf_of="nv-042") as transaction:
            await make(transaction, item_of(ours))
        assert transaction.round_trips == 5  # begin, look up, add, change, commit

    async def test_is_taken_where_statements_are_sent_anew(self, ours: UUID, urls: DatabaseUrls):
        """A pooler may give what comes between two messages to somebody else."""
        database = Database(urls.app, pool_size=1, prepared_statements=False)
        async with at_once(database, ours) as transaction:
            await make(transaction, item_of(ours))
        assert transaction.round_trips == 3
        await database.close()

    async def test_is_taken_without_an_event(self, alone: Database, ours: UUID):
        async with at_once(alone, ours) as transaction:
            await PostgresItemRepo(transaction).create(item_of(ours))
            assert not transaction.is_traceable
        assert transaction.round_trips == 3
