"""How every `ItemRepository` locks and saves a batch: over the fake and over PostgreSQL."""

from typing import Final
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import fields, replace

from sokho.core.domain.errors import InvalidError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.entities import Item, sku_key
from sokho.modules.items.domain.repository import ItemFilter
from tests.fakes.item_stores import InPostgres, Store, found, listed, saved, stored
from tests.fakes.items import a_full_item, an_item

THE_STORES_OWN: Final = {"created_at", "updated_at"}

# What an array's text has to quote, and what it must not take for something else.
NASTY_TAGS: Final = (
    '"', "\\", "\\\\", '\\"', "{", "}", "{}", '{"a","b"}', ",", "a,b", "NULL", "null", " a ", "'",
    "''", "$1", ":x", "%s", "E'\\n'", "--", "/*", "😀", "\u2028", "\u00a0x", "é", "e\u0301", "0",
)  # fmt: skip


class TestSavedFields:
    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    async def test_each_comes_back_as_it_was_new(self, store: Store, tenant: UUID, name: str):
        item = a_full_item(tenant_id=tenant, id=new_id())
        item = replace(item, version=1)
        assert await saved(store, tenant, [item], []) == {item.id}
        read = await found(store, tenant, item.id)
        assert read is not None
        assert read.created_at == read.updated_at != item.created_at
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(item, name)

    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    async def test_each_comes_back_as_it_was_changed(self, store: Store, tenant: UUID, name: str):
        [before] = await stored(store, tenant, an_item(tags=["cũ"]))
        changed = replace(a_full_item(), id=before.id, tenant_id=tenant, version=2)
        assert await saved(store, tenant, [], [changed]) == set()
        read = await found(store, tenant, before.id)
        assert read is not None
        assert read.created_at == before.created_at < read.updated_at
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(changed, name)

    async def test_what_is_left_out_comes_back_empty(self, store: Store, tenant: UUID):
        item = an_item()
        [full] = await stored(store, tenant, a_full_item())
        emptied = replace(full, description=None, barcode=None, tags=(), attributes={}, version=8)
        await saved(store, tenant, [item], [emptied])
        for id in (item.id, full.id):
            read = await found(store, tenant, id)
            assert read is not None
            left = (read.description, read.barcode, read.tags, read.attributes)
            assert left == (None, None, (), {})


class TestSave:
    async def test_takes_new_and_changed_in_one_call(self, store: Store, tenant: UUID):
        first, second, third = await stored(store, tenant, *(an_item(sku) for sku in "abc"))
        new = [an_item("Z"), an_item("y", tags=["x"])]
        changed = [replace(second, name="mới", version=2), replace(first, sku="A", version=2)]
        made = await saved(store, tenant, new, changed)
        assert made == {item.id for item in new}
        items = await listed(store, tenant)
        assert {(item.sku, item.name, item.version) for item in items} == {
            ("A", first.name, 2),
            ("b", "mới", 2),
            ("c", third.name, 1),
            ("Z", new[0].name, 1),
            ("y", new[1].name, 1),
        }
        assert await found(store, tenant, third.id) == third

    async def test_of_nothing_does_nothing(self, store: Store, tenant: UUID):
        assert await saved(store, tenant, [], []) == set()

    async def test_leaves_out_what_somebody_else_has_made_meanwhile(
        self, store: Store, tenant: UUID
    ):
        [theirs] = await stored(store, tenant, an_item("đinh"))
        ours, other = an_item("ĐINH", tags=["của ta"]), an_item("ốc")
        assert await saved(store, tenant, [ours, other], []) == {other.id}
        assert await found(store, tenant, ours.id) is None
        assert await found(store, tenant, theirs.id) == theirs
        assert await listed(store, tenant, ItemFilter(tag="của ta")) == []

    async def test_of_a_thousand_rows_keeps_each(self, store: Store, tenant: UUID):
        items = [an_item(f"s{n}", tags=[f"t{n}"], attributes={"n": n}) for n in range(1_000)]
        assert len(await saved(store, tenant, items, [])) == 1_000
        for n in (0, 1, 500, 999):
            [item] = await listed(store, tenant, ItemFilter(tag=f"t{n}"))
            assert (item.sku, item.attributes) == (f"s{n}", {"n": n})


class TestSavedTags:
    @pytest.mark.parametrize("tag", NASTY_TAGS)
    async def test_come_back_and_are_found_as_they_are(self, store: Store, tenant: UUID, tag: str):
        [before] = await stored(store, tenant, an_item())
        new = replace(an_item(), tags=(tag, "x"))
        await saved(store, tenant, [new], [replace(before, tags=("y", tag), version=2)])
        found_by_tag = await listed(store, tenant, ItemFilter(tag=tag))
        assert {item.id: item.tags for item in found_by_tag} == {
            new.id: (tag, "x"),
            before.id: ("y", tag),
        }

    async def test_come_back_together_in_order(self, store: Store, tenant: UUID):
        new = replace(an_item(), tags=NASTY_TAGS)
        await saved(store, tenant, [new, an_item()], [])
        read = await found(store, tenant, new.id)
        assert read is not None
        assert read.tags == NASTY_TAGS

    async def test_are_indexed_anew_for_each_item_alone(self, store: Store, tenant: UUID):
        one, other = await stored(
            store, tenant, an_item(tags=["bỏ", "giữ"]), an_item(tags=["bỏ", "giữ"])
        )
        await saved(
            store,
            tenant,
            [],
            [replace(one, tags=("giữ", "thêm"), version=2), replace(other, tags=(), version=2)],
        )
        for tag, expected in (("bỏ", []), ("giữ", [one.id]), ("thêm", [one.id])):
            assert [i.id for i in await listed(store, tenant, ItemFilter(tag=tag))] == expected


class TestLock:
    async def test_finds_items_by_their_keys(self, store: Store, tenant: UUID):
        items = await stored(store, tenant, *(an_item(sku) for sku in ("Đinh", "Ốc", "Vít")))
        async with store.items(tenant) as repo:
            locked = await repo.lock([sku_key("ỐC"), sku_key("đinh"), "không có", "Vít"])
        assert locked == {"đinh": items[0], "ốc": items[1]}

    @pytest.mark.parametrize("key", ["a\0", "\0", "\ud800"])
    async def test_finds_nothing_under_what_cannot_be_stored(
        self, store: Store, tenant: UUID, key: str
    ):
        [item] = await stored(store, tenant, an_item("a"))
        async with store.items(tenant) as repo:
            assert await repo.lock([key, "a"]) == {"a": item}

    async def test_of_nothing_finds_nothing(self, store: Store, tenant: UUID):
        await stored(store, tenant, an_item())
        async with store.items(tenant) as repo:
            assert await repo.lock([]) == {}


class TestKnownUnits:
    async def test_are_those_of_the_business_alone(self, store: Store, tenant: UUID):
        async with store.items(tenant) as repo:
            assert await repo.known_units({"kg", "vại", "KG", "m²", ""}) == {"kg", "m²"}
            assert await repo.known_units([]) == set()

    @pytest.mark.parametrize("unit", ["vại", "KG"])
    async def test_are_those_that_an_item_can_have(self, store: Store, tenant: UUID, unit: str):
        [item] = await stored(store, tenant, an_item())
        for change in (False, True):
            with pytest.raises(InvalidError) as caught:
                async with store.items(tenant) as repo:
                    if change:
                        await repo.update(replace(item, unit=unit, version=2))
                    else:
                        await repo.create(an_item(tenant_id=tenant, unit=unit, tags=["x"]))
            assert [(e.pointer, e.code) for e in caught.value.errors] == [("/unit", "unknown_unit")]
        assert await listed(store, tenant) == [item]


class TestAnotherTenant:
    async def test_is_neither_locked_nor_changed(self, store: Store, tenant: UUID, neighbour: UUID):
        [theirs] = await stored(store, tenant, an_item("A", tags=["x"]))
        async with store.items(neighbour) as repo:
            assert await repo.lock([theirs.sku_key]) == {}
            assert await repo.hold(theirs.id) is None
        ours = an_item("a", tags=["y"])
        assert await saved(store, neighbour, [ours], []) == {ours.id}
        assert await listed(store, tenant) == [theirs]
        assert await listed(store, tenant, ItemFilter(tag="x")) == [theirs]


class TestPostgresItemRepo:
    async def test_changes_no_version_but_the_one_before(
        self, database: Database, derived_keys: DerivedKeys
    ):
        """Whoever has locked the item cannot meet another; the statement looks all the same."""
        store = InPostgres(database, derived_keys)
        tenant = await store.new_tenant()
        [item] = await stored(store, tenant, an_item("A", tags=["x"]))
        for version in (3, 7):
            await saved(store, tenant, [], [replace(item, name="C", tags=(), version=version)])
        assert await listed(store, tenant, ItemFilter(tag="x")) == [item]

    async def test_saves_nothing_of_another_tenant(
        self, database: Database, derived_keys: DerivedKeys
    ):
        store = InPostgres(database, derived_keys)
        tenant, neighbour = await store.new_tenant(), await store.new_tenant()
        [theirs] = await stored(store, neighbour, an_item("A", tags=["x"]))
        for claimed in (tenant, neighbour):
            changed = replace(theirs, tenant_id=claimed, name="lấy", tags=(), version=2)
            await saved(store, tenant, [], [changed])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.items(tenant) as repo:
                await repo.save([an_item("B", tenant_id=neighbour)], [])
        assert await listed(store, neighbour, ItemFilter(tag="x")) == [theirs]
        assert await listed(store, tenant) == []
