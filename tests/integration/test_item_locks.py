"""Two transactions at once on one item, each step of them in a known order."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.batch import BatchResult
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import UnitInUseError
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from tests.fakes.item_stores import InPostgres, stored
from tests.fakes.items import an_item
from tests.integration.waiting import waiting

FIRST: Final = ExpectedVersion({1})


class Shop:
    """A tenant, its items, and transactions that stay open for as long as a test needs."""

    def __init__(self, database: Database, tenant_id: UUID, item: Item) -> None:
        self._database = database
        self.tenant_id = tenant_id
        self.item = item

    def open(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction(self.tenant_id)

    async def patch(self, expected: ExpectedVersion, **changes: Any) -> Item:
        async with self.open() as transaction:
            service = ItemService(PostgresItemRepo(transaction), transaction)
            return await service.patch(self.item.id, expected, **changes)

    async def put_conversion(self, unit: str) -> None:
        async with self.open() as transaction:
            service = ItemService(PostgresItemRepo(transaction), transaction)
            await service.put_conversion(
                self.tenant_id, self.item.id, unit, numerator=24, denominator=1
            )

    async def upsert(self, *skus: str, name: str = "lô") -> BatchResult:
        async with self.open() as transaction:
            return await upsert(
                ItemService(PostgresItemRepo(transaction), transaction), self, *skus, name=name
            )


async def upsert(items: ItemService, shop: Shop, *skus: str, name: str = "lô") -> BatchResult:
    return await items.upsert(shop.tenant_id, [{"sku": sku, "name": name} for sku in skus])


@pytest.fixture
async def shop(database: Database, derived_keys: DerivedKeys) -> Shop:
    store = InPostgres(database, derived_keys)
    tenant_id = await store.new_tenant()
    [item] = await stored(store, tenant_id, an_item("A", unit="lon"))
    return Shop(database, tenant_id, item)


class TestPatch:
    async def test_waits_for_another_and_sees_what_it_made(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.patch(shop.item.id, FIRST, attributes={"a": 1})
            any_version = await waiting(shop.patch(ANY_VERSION, attributes={"b": 2}))
            stale = await waiting(shop.patch(FIRST, attributes={"c": 3}))
        patched = await any_version
        assert (patched.version, patched.attributes) == (3, {"a": 1, "b": 2})
        with pytest.raises(PreconditionFailedError):
            await stale

    async def test_is_never_dated_before_the_last_one(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.get(shop.item.id)  # the transaction's time is that of its beginning
            second = await shop.patch(FIRST, name="hai")
            third = await items.patch(shop.item.id, ANY_VERSION, name="ba")
        assert (second.version, third.version) == (2, 3)
        assert third.updated_at >= second.updated_at

    async def test_of_the_unit_waits_for_a_conversion_and_is_refused(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.put_conversion(
                shop.tenant_id, shop.item.id, "thùng", numerator=24, denominator=1
            )
            patch = await waiting(shop.patch(FIRST, unit="chai"))
        with pytest.raises(UnitInUseError):
            await patch


class TestPutConversion:
    async def test_waits_for_a_patch_of_the_unit_and_is_refused(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.patch(shop.item.id, FIRST, unit="thùng")
            put = await waiting(shop.put_conversion("thùng"))
        with pytest.raises(InvalidError):
            await put

    async def test_waits_for_another_of_the_item_so_that_both_are_told_as_they_were(
        self, shop: Shop
    ):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.put_conversion(
                shop.tenant_id, shop.item.id, "thùng", numerator=12, denominator=1
            )
            put = await waiting(shop.put_conversion("thùng"))
        await put


class TestBatch:
    async def test_waits_for_a_patch_and_changes_what_it_made(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            await items.patch(shop.item.id, FIRST, description="giữ")
            batch = await waiting(shop.upsert("A", name="mới"))
        [id] = (await batch).ids
        async with shop.open() as transaction:
            item = await ItemService(PostgresItemRepo(transaction), transaction).get(id)
        assert (item.version, item.name, item.description) == (3, "mới", "giữ")

    async def test_changes_what_another_has_made_while_it_waited(self, shop: Shop):
        async with shop.open() as transaction:
            items = ItemService(PostgresItemRepo(transaction), transaction)
            made = await items.create(shop.tenant_id, "lẻ", sku="B")
            batch = await waiting(shop.upsert("C", "B"))
        result = await batch
        assert (result.created, result.updated, result.ids[1]) == (1, 1, made.id)

    async def test_waits_in_no_circle(self, shop: Shop):
        """One waits for a new SKU, holding another; a third holds the first and wants that."""
        at_the_second_look, go_on = asyncio.Event(), asyncio.Event()

        class Slow(PostgresItemRepo):
            looks = 0

            async def lock(self, sku_keys: Any) -> dict[str, Item]:
                self.looks += 1
                if self.looks == 2:
                    at_the_second_look.set()
                    await go_on.wait()
                return await super().lock(sku_keys)

        async def slow() -> BatchResult:
            async with shop.open() as transaction:
                return await upsert(ItemService(Slow(transaction), transaction), shop, "X", "Y")

        async with shop.open() as transaction:
            await ItemService(PostgresItemRepo(transaction), transaction).create(
                shop.tenant_id, "lẻ", sku="Y"
            )
            first = await waiting(slow())
        await at_the_second_look.wait()
        second = await waiting(shop.upsert("Y", "X", name="mới"))
        go_on.set()
        assert (await first).created == 1
        assert (await second).created == 0
        assert {*(await first).ids} == {*(await second).ids}


class TestAnotherTenant:
    async def test_does_not_wait(self, shop: Shop, database: Database, derived_keys: DerivedKeys):
        store = InPostgres(database, derived_keys)
        neighbour = Shop(database, await store.new_tenant(), shop.item)
        async with shop.open() as transaction:
            await upsert(ItemService(PostgresItemRepo(transaction), transaction), shop, "A", "B")
            async with asyncio.timeout(1):
                assert (await neighbour.upsert("A", "B")).created == 2
