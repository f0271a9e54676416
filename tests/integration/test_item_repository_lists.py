"""How every `ItemRepository` filters, orders and pages: over the fake and over PostgreSQL."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from msgspec.structs import replace

from sokho.core.domain.paging import Position, Sort
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.repository import ItemFilter
from tests.fakes.item_stores import ANY, Store, listed, stored
from tests.fakes.items import an_item

SORTS: Final = [
    Sort(field, descending=descending)
    for field in ("id", "sku", "created_at", "updated_at")
    for descending in (False, True)
]

# Their order by code point is not the order of any language, nor that of their creation.
SKUS: Final = ("b", "A", "đ", "e", "É", "a-1", "A 1", "9", "10", "_", "ơ", "😀", "z")


async def a_varied_stock(store: Store, tenant: UUID) -> list[Item]:
    """Store items of three instants, several of each, the first of them changed last."""
    groups = (SKUS[:5], SKUS[5:6], SKUS[6:])
    items = [
        item
        for group in groups
        for item in await stored(store, tenant, *(an_item(sku) for sku in group))
    ]
    async with store.items(tenant) as repo:
        for place in (0, 1):
            items[place] = await repo.update(replace(items[place], version=2))
    return items


def position_of(item: Item, sort: Sort) -> Position:
    values: dict[str, str | datetime] = {
        "sku": item.sku_key,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
    return (values[sort.field], item.id) if sort.field in values else (item.id,)


def in_order(items: list[Item], sort: Sort) -> list[Item]:
    """Return the order that the contract asks for: by value, then by id, both one way."""

    def place(item: Item) -> Any:
        return position_of(item, sort)

    return sorted(items, key=place, reverse=sort.descending)


@pytest.mark.parametrize("sort", SORTS, ids=str)
class TestSortedList:
    async def test_is_in_order(self, store: Store, tenant: UUID, sort: Sort):
        items = await a_varied_stock(store, tenant)
        assert await listed(store, tenant, sort=sort) == in_order(items, sort)

    @pytest.mark.parametrize("limit", [1, 2, 5])
    async def test_resumed_page_by_page_shows_each_item_once(
        self, store: Store, tenant: UUID, sort: Sort, limit: int
    ):
        items = await a_varied_stock(store, tenant)
        seen: list[Item] = []
        while page := await listed(
            store,
            tenant,
            sort=sort,
            limit=limit,
            after=position_of(seen[-1], sort) if seen else None,
        ):
            assert len(page) <= limit
            seen += page
            assert len(seen) <= len(items)
        assert seen == in_order(items, sort)

    async def test_skips_an_offset(self, store: Store, tenant: UUID, sort: Sort):
        items = in_order(await a_varied_stock(store, tenant), sort)
        assert await listed(store, tenant, sort=sort, offset=3, limit=4) == items[3:7]
        assert await listed(store, tenant, sort=sort, offset=len(items)) == []

    async def test_resumes_within_a_filter(self, store: Store, tenant: UUID, sort: Sort):
        await a_varied_stock(store, tenant)
        tagged = await stored(store, tenant, *(an_item(tags=["x"]) for _ in range(4)))
        expected = in_order(tagged, sort)
        resumed = await listed(
            store, tenant, ItemFilter(tag="x"), sort=sort, after=position_of(expected[1], sort)
        )
        assert resumed == expected[2:]


class TestFilteredList:
    """`EACH` has an entry per condition: a new one without a test fails here."""

    SKU = ItemFilter(sku_key="đinh-5p")
    BARCODE = ItemFilter(barcode="8934563138165")
    STATUS = ItemFilter(status=ItemStatus.ARCHIVED)
    TAG = ItemFilter(tag="Kẽm")
    EACH: Final = {"sku_key": SKU, "barcode": BARCODE, "status": STATUS, "tag": TAG}

    def test_every_condition_has_its_test(self):
        conditions = {field.name for field in fields(ItemFilter)}
        assert conditions == self.EACH.keys() | {"updated_since"}

    @pytest.mark.parametrize("condition", EACH)
    async def test_shows_only_what_fits(self, store: Store, tenant: UUID, condition: str):
        fitting = an_item(
            "ĐINH-5P", barcode="8934563138165", status=ItemStatus.ARCHIVED, tags=["b", "Kẽm"]
        )
        other = an_item("ĐINH-5", barcode="8934563138166x", tags=["kẽm", "Kẽm "])
        expected, _ = await stored(store, tenant, fitting, other)
        assert await listed(store, tenant, self.EACH[condition]) == [expected]

    async def test_shows_active_items_alone(self, store: Store, tenant: UUID):
        active, _ = await stored(store, tenant, an_item(), an_item(status=ItemStatus.ARCHIVED))
        assert await listed(store, tenant, ItemFilter(status=ItemStatus.ACTIVE)) == [active]

    async def test_shows_what_changed_at_an_instant_or_later(self, store: Store, tenant: UUID):
        [old] = await stored(store, tenant, an_item())
        [new] = await stored(store, tenant, an_item())
        just_after = new.updated_at + timedelta(microseconds=1)
        for since, expected in (
            (old.updated_at, {old.id, new.id}),
            (new.updated_at, {new.id}),
            (just_after, set()),
        ):
            answer = await listed(store, tenant, ItemFilter(updated_since=since))
            assert {item.id for item in answer} == expected

    async def test_shows_what_fits_every_condition(self, store: Store, tenant: UUID):
        both, _, _ = await stored(
            store,
            tenant,
            an_item("A", tags=["x"], barcode="b1"),
            an_item("B", tags=["x"], barcode="b2"),
            an_item("C", tags=["y"], barcode="b1"),
        )
        assert await listed(store, tenant, ItemFilter(tag="x", barcode="b1")) == [both]
        every = ItemFilter(
            sku_key="a",
            barcode="b1",
            status=ItemStatus.ACTIVE,
            tag="x",
            updated_since=both.updated_at,
        )
        assert await listed(store, tenant, every) == [both]

    async def test_is_empty_where_nothing_fits(self, store: Store, tenant: UUID):
        await stored(store, tenant, an_item("A"))
        assert await listed(store, tenant, ItemFilter(sku_key="A")) == []  # not a key: upper case


class TestList:
    async def test_shows_a_hundred_items_unless_told(self, store: Store, tenant: UUID):
        items = await stored(store, tenant, *(an_item() for _ in range(101)))
        assert await listed(store, tenant, ANY) == sorted(items, key=lambda item: item.id)[:100]
