"""What every `ItemRepository` keeps: one suite over the fake and over PostgreSQL."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import DuplicateSKUError, ItemNotFoundError
from sokho.modules.items.domain.repository import ItemFilter
from tests.fakes.item_stores import InPostgres, Store, found, listed, stored
from tests.fakes.items import NOON, a_full_item, an_item

# "Đường" composed, in the second form decomposed: one SKU for whoever reads it.
COMPOSED: Final = "\u0110\u01af\u1edcNG"
DECOMPOSED: Final = "\u0111u\u031bo\u031b\u0300ng"


THE_STORES_OWN: Final = {"created_at", "updated_at"}


class TestStoredFields:
    def test_the_full_item_leaves_no_field_at_its_default(self):
        item = a_full_item()
        for field in fields(Item):
            default = field.default
            if field.default_factory is not NODEFAULT:
                default = field.default_factory()
            assert getattr(item, field.name) != default, field.name

    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    async def test_each_comes_back_as_it_was_created(self, store: Store, tenant: UUID, name: str):
        item = a_full_item(tenant_id=tenant)
        [answered] = await stored(store, tenant, item)
        read = await found(store, tenant, item.id)
        [in_list] = await listed(store, tenant)
        assert getattr(answered, name) == getattr(read, name) == getattr(in_list, name)
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(item, name)

    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    async def test_each_comes_back_as_it_was_updated(self, store: Store, tenant: UUID, name: str):
        [before] = await stored(store, tenant, an_item())
        changed = replace(a_full_item(), id=before.id, tenant_id=tenant, version=2)
        async with store.items(tenant) as repo:
            answered = await repo.update(changed)
        read = await found(store, tenant, before.id)
        assert getattr(answered, name) == getattr(read, name)
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(changed, name)

    async def test_what_is_left_out_comes_back_empty(self, store: Store, tenant: UUID):
        item = an_item()
        await stored(store, tenant, item)
        read = await found(store, tenant, item.id)
        assert read is not None
        assert (read.description, read.barcode, read.tags, read.attributes) == (None, None, (), {})

    async def test_its_timestamps_are_the_stores(self, store: Store, tenant: UUID):
        [created] = await stored(store, tenant, an_item())
        assert created.created_at == created.updated_at != NOON
        assert created.created_at.tzinfo is UTC
        async with store.items(tenant) as repo:
            later = datetime(2040, 1, 1, tzinfo=UTC)
            updated = await repo.update(
                replace(created, version=2, created_at=later, updated_at=later)
            )
        assert updated.created_at == created.created_at < updated.updated_at < later


class TestCreateItem:
    @pytest.mark.parametrize(
        ("sku", "again"), [("a-1", "A-1"), ("A-1", "A-1"), (COMPOSED, DECOMPOSED), ("ß", "SS")]
    )
    async def test_refuses_a_duplicate_sku_ignoring_case_and_composition(
        self, store: Store, tenant: UUID, sku: str, again: str
    ):
        await stored(store, tenant, an_item(sku))
        with pytest.raises(DuplicateSKUError):
            await stored(store, tenant, an_item(again))
        assert [item.sku for item in await listed(store, tenant)] == [sku]

    async def test_tells_apart_what_only_looks_alike(self, store: Store, tenant: UUID):
        await stored(store, tenant, *(an_item(sku) for sku in ("Đ", "D", "ơ", "o", "A-1", "A1")))
        assert len(await listed(store, tenant)) == 6

    async def test_indexes_a_tag_given_twice_once(self, store: Store, tenant: UUID):
        twice = replace(an_item(), tags=("a", "a"))
        await stored(store, tenant, twice)
        assert len(await listed(store, tenant, ItemFilter(tag="a"))) == 1


class TestGetItem:
    async def test_finds_nothing_under_an_unknown_id(self, store: Store, tenant: UUID):
        await stored(store, tenant, an_item())
        assert await found(store, tenant, new_id()) is None


class TestUpdateItem:
    async def test_refuses_a_stale_version(self, store: Store, tenant: UUID):
        [item] = await stored(store, tenant, an_item())
        async with store.items(tenant) as repo:
            await repo.update(replace(item, version=2, name="đầu tiên"))
        for version in (1, 2, 4):
            with pytest.raises(PreconditionFailedError):
                async with store.items(tenant) as repo:
                    await repo.update(replace(item, version=version, name="đến sau"))
        kept = await found(store, tenant, item.id)
        assert kept is not None
        assert (kept.version, kept.name) == (2, "đầu tiên")

    async def test_refuses_an_item_that_is_not_there(self, store: Store, tenant: UUID):
        with pytest.raises(ItemNotFoundError):
            async with store.items(tenant) as repo:
                await repo.update(replace(an_item(), tenant_id=tenant, version=2))

    async def test_refuses_the_sku_of_another_item(self, store: Store, tenant: UUID):
        item, _ = await stored(store, tenant, an_item("A-1"), an_item("B-1"))
        with pytest.raises(DuplicateSKUError):
            async with store.items(tenant) as repo:
                await repo.update(replace(item, sku="b-1", version=2))
        assert await found(store, tenant, item.id) == item

    async def test_may_write_its_own_sku_otherwise(self, store: Store, tenant: UUID):
        [item] = await stored(store, tenant, an_item("a-1"))
        async with store.items(tenant) as repo:
            assert (await repo.update(replace(item, sku="A-1", version=2))).sku == "A-1"

    async def test_indexes_the_tags_anew(self, store: Store, tenant: UUID):
        [item] = await stored(store, tenant, an_item(tags=["bỏ", "giữ"]))
        async with store.items(tenant) as repo:
            await repo.update(replace(item, tags=("giữ", "thêm"), version=2))
        assert await listed(store, tenant, ItemFilter(tag="bỏ")) == []
        for tag in ("giữ", "thêm"):
            assert [i.id for i in await listed(store, tenant, ItemFilter(tag=tag))] == [item.id]

    async def test_may_take_all_tags_away(self, store: Store, tenant: UUID):
        [item] = await stored(store, tenant, an_item(tags=["a", "b"]))
        async with store.items(tenant) as repo:
            assert (await repo.update(replace(item, tags=(), version=2))).tags == ()
        assert await listed(store, tenant, ItemFilter(tag="a")) == []


class TestDeleteItem:
    async def test_removes_it_and_its_tags_once(self, store: Store, tenant: UUID):
        item, other = await stored(store, tenant, an_item("A", tags=["x"]), an_item("B"))
        async with store.items(tenant) as repo:
            assert await repo.delete(item.id)
            assert not await repo.delete(item.id)
        assert await found(store, tenant, item.id) is None
        assert await listed(store, tenant) == [other]
        assert await listed(store, tenant, ItemFilter(tag="x")) == []

    async def test_frees_its_sku_and_leaves_no_tag_behind(self, store: Store, tenant: UUID):
        [item] = await stored(store, tenant, an_item("A", tags=["x"]))
        async with store.items(tenant) as repo:
            await repo.delete(item.id)
            again = await repo.create(replace(item, tags=()))
        assert again.id == item.id
        assert await listed(store, tenant, ItemFilter(tag="x")) == []


class TestAnotherTenant:
    async def test_sees_nothing(self, store: Store, tenant: UUID, neighbour: UUID):
        [item] = await stored(store, tenant, a_full_item())
        assert await found(store, neighbour, item.id) is None
        assert await listed(store, neighbour) == []
        assert await listed(store, neighbour, ItemFilter(tag="đinh")) == []
        assert await listed(store, neighbour, ItemFilter(sku_key=item.sku_key)) == []

    async def test_cannot_change_or_remove_it(self, store: Store, tenant: UUID, neighbour: UUID):
        [item] = await stored(store, tenant, an_item(tags=["x"]))
        for claimed in (tenant, neighbour):
            with pytest.raises(ItemNotFoundError):
                async with store.items(neighbour) as repo:
                    await repo.update(replace(item, tenant_id=claimed, version=2, tags=()))
        async with store.items(neighbour) as repo:
            assert not await repo.delete(item.id)
        assert await listed(store, tenant, ItemFilter(tag="x")) == [item]

    async def test_may_use_the_same_sku(self, store: Store, tenant: UUID, neighbour: UUID):
        await stored(store, tenant, an_item("A-1"))
        [theirs] = await stored(store, neighbour, an_item("A-1"))
        assert await listed(store, neighbour) == [theirs]


class TestPostgresItemRepo:
    async def test_cannot_store_an_item_under_another_tenant(
        self, database: Database, derived_keys: DerivedKeys
    ):
        store = InPostgres(database, derived_keys)
        tenant, neighbour = await store.new_tenant(), await store.new_tenant()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.items(tenant) as repo:
                await repo.create(replace(an_item(), tenant_id=neighbour))
        assert await listed(store, neighbour) == []
