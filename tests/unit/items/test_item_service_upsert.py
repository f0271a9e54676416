"""Upserting a batch over a store in memory, also one that loses races."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError
from sokho.modules.items.domain.batch import BatchResult
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import (
    DuplicateSKUError,
    DuplicateSKUInBatchError,
    UnitInUseError,
)
from sokho.modules.items.domain.repository import ItemFilter
from sokho.modules.items.domain.service import ItemService
from tests.fakes.events import FakeEventLog
from tests.fakes.items import FakeItemRepo, ItemStore, an_item
from tests.unit.faults import faults

OURS = UUID(int=1)


@pytest.fixture
def store() -> ItemStore:
    return ItemStore()


@pytest.fixture
def items(store: ItemStore) -> ItemService:
    return ItemService(FakeItemRepo(OURS, store), FakeEventLog())


class RacingRepo(FakeItemRepo):
    """Somebody else takes SKUs between `lock` and `save`, and may free them again after."""

    def __init__(self, store: ItemStore, *races: Collection[str], frees: bool = False) -> None:
        super().__init__(OURS, store)
        self.locks = 0
        self._races = [*races]
        self._frees = frees
        self._taken: list[Item] = []

    async def lock(self, sku_keys: Collection[str]) -> dict[str, Item]:
        self.locks += 1
        if self._frees:
            for item in self._taken:
                await self.delete(item.id)
        return await super().lock(sku_keys)

    async def save(self, new: Sequence[Item], changed: Sequence[Item]) -> set[UUID]:
        for sku in self._races.pop(0) if self._races else ():
            self._taken.append(await self.create(an_item(sku, name="của người khác")))
        return await super().save(new, changed)


async def upsert(items: ItemService, *rows: Mapping[str, Any]) -> BatchResult:
    given: Any = rows
    return await items.upsert(OURS, given)


async def names(items: ItemService) -> dict[str, str]:
    return {item.sku: item.name for item in await items.list(ItemFilter())}


def rows_of(skus: Iterable[str]) -> list[dict[str, str]]:
    return [{"sku": sku, "name": f"của ta {sku}"} for sku in skus]


class TestUpsertItems:
    async def test_makes_and_changes_and_tells_ids_by_row(self, items: ItemService):
        b = await items.create(OURS, "cũ", sku="B", description="giữ")
        result = await upsert(
            items, {"sku": "C", "name": "mới C"}, {"sku": "b", "name": "mới B"}, *rows_of("A")
        )
        assert (result.created, result.updated) == (2, 1)
        assert await names(items) == {"C": "mới C", "b": "mới B", "A": "của ta A"}
        assert [(await items.get(id)).sku for id in result.ids] == ["C", "b", "A"]
        changed = await items.get(b.id)
        assert (changed.description, changed.version) == ("giữ", 2)

    async def test_counts_an_identical_row_and_makes_no_version(self, items: ItemService):
        before = await items.create(OURS, "B", sku="B")
        result = await upsert(items, {"sku": "B", "name": "B"})
        assert result == BatchResult(created=0, updated=1, ids=[before.id])
        assert await items.get(before.id) == before

    async def test_stores_nothing_of_rows_that_do_not_fit(self, items: ItemService):
        with faults(("/items/1/name", "required")):
            await upsert(items, *rows_of("A"), {"sku": "B"})
        with pytest.raises(DuplicateSKUInBatchError):
            await upsert(items, *rows_of("Aa"))
        with faults(("/items/1/unit", "unknown_unit")):
            await upsert(items, *rows_of("A"), {"sku": "B", "name": "B", "unit": "vại"})
        assert await items.list(ItemFilter()) == []

    async def test_tells_the_rows_whose_unit_is_in_use(self, items: ItemService):
        for sku in "ABC":
            item = await items.create(OURS, sku, sku=sku, unit="lon")
            if sku != "B":
                await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        with pytest.raises(UnitInUseError) as caught:
            await upsert(
                items,
                {"sku": "C", "unit": "chai"},
                {"sku": "B", "unit": "chai"},
                {"sku": "A", "unit": "chai"},
            )
        assert [(error.pointer, error.code) for error in caught.value.errors] == [
            ("/items/0/unit", "unit_in_use"),
            ("/items/2/unit", "unit_in_use"),
        ]

    async def test_may_change_all_else_beside_conversions(self, items: ItemService):
        item = await items.create(OURS, "A", sku="A", unit="lon")
        await items.put_conversion(OURS, item.id, "thùng", numerator=24, denominator=1)
        await upsert(items, {"sku": "A", "name": "mới", "unit": "lon"})
        assert await names(items) == {"A": "mới"}


class TestLostRace:
    async def test_changes_what_somebody_else_has_made(self, store: ItemStore):
        repo = RacingRepo(store, "B")
        items = ItemService(repo, FakeEventLog())
        result = await upsert(items, *rows_of("ABC"))
        assert repo.locks == 2
        assert (result.created, result.updated) == (2, 1)
        assert await names(items) == {sku: f"của ta {sku}" for sku in "ABC"}
        assert [(await items.get(id)).sku for id in result.ids] == [*"ABC"]
        assert [(await items.get(id)).version for id in result.ids] == [1, 2, 1]

    async def test_twice_is_still_won(self, store: ItemStore):
        repo = RacingRepo(store, "B", "B", frees=True)
        result = await upsert(ItemService(repo, FakeEventLog()), *rows_of("AB"))
        assert repo.locks == 3
        assert (result.created, result.updated) == (2, 0)

    async def test_every_time_is_given_up(self, store: ItemStore):
        repo = RacingRepo(store, *["B"] * 10, frees=True)
        with pytest.raises(DuplicateSKUError):
            await upsert(ItemService(repo, FakeEventLog()), *rows_of("AB"))
        assert repo.locks == 3

    async def test_finds_fault_with_a_row_that_had_fitted(self, store: ItemStore):
        class Removed(FakeItemRepo):
            """What was there at the first look is gone at the second, and another came."""

            async def save(self, new: Sequence[Item], changed: Sequence[Item]) -> set[UUID]:
                if new:
                    await self.create(an_item(new[0].sku))
                    for item in changed:
                        await self.delete(item.id)
                    return {item.id for item in new}
                return await super().save(new, changed)

        items = ItemService(Removed(OURS, store), FakeEventLog())
        await FakeItemRepo(OURS, store).create(an_item("A"))
        with pytest.raises(InvalidError):
            await upsert(items, {"sku": "A", "description": "x"}, *rows_of("B"))
