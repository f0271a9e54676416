"""The operations on items, over a store in memory."""

from uuid import UUID

import pytest
from msgspec.structs import fields

from sokho.core.domain.errors import InvalidError
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import Sort
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.errors import DuplicateSKUError, ItemNotFoundError
from sokho.modules.items.domain.repository import ItemFilter
from sokho.modules.items.domain.service import ItemService
from tests.fakes.events import FakeEventLog
from tests.fakes.items import NOON, FakeItemRepo, ItemStore, a_full_item

OURS, THEIRS = UUID(int=1), UUID(int=2)


@pytest.fixture
def store() -> ItemStore:
    return ItemStore()


@pytest.fixture
def items(store: ItemStore) -> ItemService:
    return ItemService(FakeItemRepo(OURS, store), FakeEventLog(), clock=lambda: NOON)


class TestCreateItem:
    async def test_stores_what_it_answers(self, items: ItemService):
        item = await items.create(OURS, "Đinh", sku=" đinh ")
        assert (item.sku, item.name, item.tenant_id) == ("đinh", "Đinh", OURS)
        assert await items.get(item.id) == item

    async def test_takes_the_id_that_is_made_for_it(self, store: ItemStore):
        items = ItemService(FakeItemRepo(OURS, store), FakeEventLog(), make_id=lambda: UUID(int=77))
        assert (await items.create(OURS, "Đinh", sku="A")).id == UUID(int=77)

    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    async def test_keeps_every_field_it_is_given(self, items: ItemService, name: str):
        full = a_full_item()
        item = await items.create(
            OURS,
            full.name,
            sku=full.sku,
            description=full.description,
            unit=full.unit,
            barcode=full.barcode,
            status=full.status,
            tags=full.tags,
            attributes=full.attributes,
        )
        if name not in {"id", "tenant_id", "version", "created_at", "updated_at"}:
            assert getattr(item, name) == getattr(full, name)

    async def test_refuses_a_duplicate_sku_ignoring_case(self, items: ItemService):
        await items.create(OURS, "Đinh", sku="a")
        with pytest.raises(DuplicateSKUError) as caught:
            await items.create(OURS, "Ốc", sku="A ")
        assert caught.value.sku == "A"

    async def test_stores_nothing_that_is_not_valid(self, items: ItemService):
        with pytest.raises(InvalidError):
            await items.create(OURS, "", sku="A")
        assert await items.list(ItemFilter()) == []


class TestGetItem:
    async def test_tells_which_item_is_not_there(self, items: ItemService):
        missing = new_id()
        with pytest.raises(ItemNotFoundError) as caught:
            await items.get(missing)
        assert caught.value.item_id == missing

    async def test_does_not_find_what_another_tenant_has(
        self, items: ItemService, store: ItemStore
    ):
        item = await items.create(OURS, "Đinh", sku="A")
        with pytest.raises(ItemNotFoundError):
            await ItemService(FakeItemRepo(THEIRS, store), FakeEventLog()).get(item.id)


class TestListItems:
    async def test_hands_on_filter_order_and_page(self, items: ItemService):
        for sku in "dbac":
            await items.create(OURS, "Đinh", sku=sku)
        await items.create(OURS, "Đinh", sku="z", status=ItemStatus.ARCHIVED)

        async def skus(**how: object) -> str:
            active = ItemFilter(status=ItemStatus.ACTIVE)
            found = await items.list(active, sort=Sort("sku", descending=True), **how)  # type: ignore[arg-type]
            return "".join(item.sku for item in found)

        assert await skus() == "dcba"
        assert await skus(limit=2) == "dc"
        assert await skus(offset=1, limit=2) == "cb"
        [_, c] = await items.list(
            ItemFilter(), sort=Sort("sku", descending=True), limit=2, offset=1
        )
        assert c.sku == "c"
        assert await skus(after=(c.sku_key, c.id)) == "ba"
