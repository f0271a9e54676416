"""Changing and deleting items and their conversions, over a store in memory."""

from typing import Any
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import (
    ConversionNotFoundError,
    DuplicateSKUError,
    ItemNotFoundError,
    UnitInUseError,
)
from sokho.modules.items.domain.service import ItemService
from tests.fakes.events import FakeEventLog
from tests.fakes.items import NOON, FakeItemRepo, ItemStore
from tests.unit.faults import faults

OURS = UUID(int=1)
FIRST, SECOND = ExpectedVersion({1}), ExpectedVersion({2})


@pytest.fixture
def store() -> ItemStore:
    return ItemStore()


@pytest.fixture
def items(store: ItemStore) -> ItemService:
    return ItemService(FakeItemRepo(OURS, store), FakeEventLog(), clock=lambda: NOON)


@pytest.fixture
async def item(items: ItemService) -> Item:
    return await items.create(OURS, "Lon", sku="A", unit="lon", attributes={"a": 1, "b": 2})


class TestPatchItem:
    @pytest.mark.parametrize("expected", [FIRST, ANY_VERSION, ExpectedVersion({1, 7})])
    async def test_stores_what_it_answers(
        self, items: ItemService, item: Item, expected: ExpectedVersion
    ):
        patched = await items.patch(item.id, expected, name="Chai", attributes={"b": None})
        assert (patched.name, patched.attributes, patched.version) == ("Chai", {"a": 1}, 2)
        assert await items.get(item.id) == patched

    async def test_refuses_another_version_and_stores_nothing(self, items: ItemService, item: Item):
        for expected in (SECOND, ExpectedVersion(())):
            with pytest.raises(PreconditionFailedError):
                await items.patch(item.id, expected, name="Chai")
        assert await items.get(item.id) == item

    async def test_judges_the_version_before_the_change(self, items: ItemService, item: Item):
        with pytest.raises(PreconditionFailedError):
            await items.patch(item.id, SECOND, name="")

    async def test_of_nothing_makes_no_version(self, items: ItemService, item: Item):
        for same in ({}, {"name": item.name}, {"attributes": {"a": 1, "x": None}}):
            changes: Any = same
            assert await items.patch(item.id, FIRST, **changes) == item
        assert await items.get(item.id) == item

    async def test_of_nothing_needs_the_version_all_the_same(self, items: ItemService, item: Item):
        with pytest.raises(PreconditionFailedError):
            await items.patch(item.id, SECOND)

    async def test_tells_which_item_is_not_there(self, items: ItemService):
        missing = new_id()
        with pytest.raises(ItemNotFoundError) as caught:
            await items.patch(missing, ANY_VERSION, name="Chai")
        assert caught.value.item_id == missing

    async def test_refuses_the_sku_of_another(self, items: ItemService, item: Item):
        await items.create(OURS, "Chai", sku="B")
        with pytest.raises(DuplicateSKUError):
            await items.patch(item.id, FIRST, sku="b")

    async def test_refuses_an_unknown_unit(self, items: ItemService, item: Item):
        with faults(("/unit", "unknown_unit")):
            await items.patch(item.id, FIRST, unit="vại")

    async def test_refuses_another_unit_once_there_are_conversions(
        self, items: ItemService, item: Item
    ):
        await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        with pytest.raises(UnitInUseError) as caught:
            await items.patch(item.id, FIRST, unit="chai")
        assert [*caught.value.errors] == []

    async def test_may_change_all_else_beside_conversions(self, items: ItemService, item: Item):
        await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        patched = await items.patch(item.id, FIRST, name="Chai", unit=" lon ")
        assert (patched.name, patched.unit) == ("Chai", "lon")

    async def test_may_change_the_unit_once_the_conversions_are_gone(
        self, items: ItemService, item: Item
    ):
        await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        await items.delete_conversion(item.id, "thùng")
        assert (await items.patch(item.id, FIRST, unit="chai")).unit == "chai"

    async def test_writes_nothing_where_nothing_changes(self, store: ItemStore, item: Item):
        class Unwritable(FakeItemRepo):
            async def update(self, item: Item) -> Item:
                raise AssertionError(item)

        items = ItemService(Unwritable(OURS, store), FakeEventLog())
        assert await items.patch(item.id, FIRST, sku=" A ") == item


class TestDeleteItem:
    @pytest.mark.parametrize("expected", [FIRST, ANY_VERSION])
    async def test_removes_it_with_its_conversions(
        self, items: ItemService, item: Item, store: ItemStore, expected: ExpectedVersion
    ):
        await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        await items.delete(item.id, expected)
        assert not store.items[OURS]
        assert not store.conversions[OURS]
        with pytest.raises(ItemNotFoundError):
            await items.delete(item.id, expected)

    async def test_refuses_another_version(self, items: ItemService, item: Item):
        with pytest.raises(PreconditionFailedError):
            await items.delete(item.id, SECOND)
        assert await items.get(item.id) == item


class TestConversions:
    async def test_are_put_once_and_then_replaced(self, items: ItemService, item: Item):
        first, is_new = await items.put_conversion(
            OURS, item.id, " thùng ", numerator=24, denominator=1
        )
        assert is_new
        assert (first.unit, first.numerator, first.denominator) == ("thùng", 24, 1)
        second, is_new = await items.put_conversion(
            OURS, item.id, "thùng", numerator=1, denominator=3
        )
        assert not is_new
        assert await items.list_conversions(item.id) == [second]

    async def test_need_their_item(self, items: ItemService):
        missing = new_id()
        with pytest.raises(ItemNotFoundError):
            await items.put_conversion(OURS, missing, "thùng", numerator=1, denominator=1)
        with pytest.raises(ItemNotFoundError):
            await items.list_conversions(missing)
        with pytest.raises(ItemNotFoundError):
            await items.delete_conversion(missing, "thùng")

    async def test_that_are_not_there_are_told_apart_from_their_item(
        self, items: ItemService, item: Item
    ):
        assert await items.list_conversions(item.id) == []
        with pytest.raises(ConversionNotFoundError):
            await items.delete_conversion(item.id, "thùng")

    async def test_are_judged_before_they_are_stored(self, items: ItemService, item: Item):
        with pytest.raises(InvalidError):
            await items.put_conversion(OURS, item.id, "thùng", numerator=0, denominator=1)
        with faults(("/unit", "own_unit")):
            await items.put_conversion(OURS, item.id, " lon", numerator=1, denominator=1)
        with faults(("/unit", "unknown_unit")):
            await items.put_conversion(OURS, item.id, "vại", numerator=1, denominator=1)
        with pytest.raises(ItemNotFoundError):
            await items.put_conversion(OURS, new_id(), "thùng", numerator=1, denominator=1)
        assert await items.list_conversions(item.id) == []

    async def test_are_found_one_by_one(self, items: ItemService, item: Item):
        stored, _ = await items.put_conversion(OURS, item.id, "hộp", numerator=6, denominator=1)
        assert await items.get_conversion(item.id, " hộp ") == stored
        with pytest.raises(ConversionNotFoundError):
            await items.get_conversion(item.id, "thùng")
        with pytest.raises(ItemNotFoundError):
            await items.get_conversion(new_id(), "hộp")

    async def test_come_in_pages(self, items: ItemService, item: Item):
        for unit in ("thùng", "hộp", "kg"):
            await items.put_conversion(OURS, item.id, unit, numerator=2, denominator=1)

        async def units(**how: Any) -> list[str]:
            return [each.unit for each in await items.list_conversions(item.id, **how)]

        assert await units() == ["hộp", "kg", "thùng"]
        assert await units(descending=True, limit=2) == ["thùng", "kg"]
        assert await units(after=("hộp",), offset=1) == ["thùng"]
