"""How every `ItemRepository` keeps conversions: over the fake and over PostgreSQL."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import fields, replace

from sokho.core.domain.errors import InvalidError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import Item
from tests.fakes.item_stores import InPostgres, Store, found, stored
from tests.fakes.items import an_item

# Their order by code point is not the order of any language.
UNITS: Final = ("đôi", "kg", "thùng", "m²", "hộp", "bao", "tá")


@pytest.fixture
async def item(store: Store, tenant: UUID) -> Item:
    [item] = await stored(store, tenant, an_item(unit="lon"))
    return item


def a_conversion(item: Item, unit: str = "thùng", **changes: Any) -> Conversion:
    given: dict[str, Any] = {"numerator": 24, "denominator": 1}
    return Conversion.create(
        tenant_id=item.tenant_id, item_id=item.id, unit=unit, **(given | changes)
    )


async def put(store: Store, conversion: Conversion) -> None:
    async with store.items(conversion.tenant_id) as repo:
        await repo.put_conversion(conversion)


async def conversions(store: Store, item: Item, **how: Any) -> list[Conversion]:
    async with store.items(item.tenant_id) as repo:
        return [*await repo.list_conversions(item.id, **how)]


class TestPutConversion:
    @pytest.mark.parametrize("name", [field.name for field in fields(Conversion)])
    async def test_stores_every_field_and_replaces_it(self, store: Store, item: Item, name: str):
        for conversion in (
            a_conversion(item, numerator=1_000_000_000, denominator=7),
            a_conversion(item, numerator=5, denominator=1_000_000_000),
        ):
            await put(store, conversion)
            [read] = await conversions(store, item)
            assert getattr(read, name) == getattr(conversion, name)

    async def test_keeps_those_of_other_units_and_items(
        self, store: Store, tenant: UUID, item: Item
    ):
        [other] = await stored(store, tenant, an_item(unit="lon"))
        theirs = a_conversion(other, numerator=12)
        ours = [a_conversion(item, "hộp"), a_conversion(item, "thùng")]
        for conversion in (theirs, *ours):
            await put(store, conversion)
        assert await conversions(store, item) == ours
        assert await conversions(store, other) == [theirs]

    @pytest.mark.parametrize("unit", ["vại", "LON"])
    async def test_refuses_an_unknown_unit(self, store: Store, item: Item, unit: str):
        with pytest.raises(InvalidError) as caught:
            await put(store, a_conversion(item, unit))
        assert [(e.pointer, e.code) for e in caught.value.errors] == [("/unit", "unknown_unit")]
        assert await conversions(store, item) == []


class TestHoldUnit:
    async def test_tells_the_unit_of_an_item_and_none_of_none(
        self, store: Store, item: Item, neighbour: UUID
    ):
        for tenant_id, id, unit in (
            (item.tenant_id, item.id, "lon"),
            (item.tenant_id, new_id(), None),
            (neighbour, item.id, None),
        ):
            async with store.items(tenant_id) as repo:
                assert await repo.hold_unit(id) == unit


class TestGetConversion:
    async def test_finds_it_by_item_and_unit_alone(self, store: Store, item: Item, neighbour: UUID):
        conversion = a_conversion(item)
        await put(store, conversion)
        for tenant_id, id, unit, expected in (
            (item.tenant_id, item.id, "thùng", conversion),
            (item.tenant_id, item.id, "hộp", None),
            (item.tenant_id, new_id(), "thùng", None),
            (neighbour, item.id, "thùng", None),
        ):
            async with store.items(tenant_id) as repo:
                assert await repo.get_conversion(id, unit) == expected


class TestDeleteConversion:
    async def test_removes_one_once(self, store: Store, item: Item):
        kept = a_conversion(item, "hộp")
        for conversion in (kept, a_conversion(item)):
            await put(store, conversion)
        async with store.items(item.tenant_id) as repo:
            assert await repo.delete_conversion(item.id, "thùng")
            assert not await repo.delete_conversion(item.id, "thùng")
            assert not await repo.delete_conversion(new_id(), "hộp")
        assert await conversions(store, item) == [kept]

    async def test_goes_with_the_item(self, store: Store, item: Item):
        await put(store, a_conversion(item))
        async with store.items(item.tenant_id) as repo:
            assert await repo.delete(item.id)
            assert await repo.with_fixed_unit([item.id]) == set()
        assert await conversions(store, item) == []


class TestListConversions:
    async def test_is_in_the_order_of_code_points(self, store: Store, item: Item):
        for unit in UNITS:
            await put(store, a_conversion(item, unit))
        for descending in (False, True):
            in_order = await conversions(store, item, descending=descending)
            assert [each.unit for each in in_order] == sorted(UNITS, reverse=descending)

    @pytest.mark.parametrize("descending", [False, True])
    async def test_resumed_page_by_page_shows_each_once(
        self, store: Store, item: Item, descending: bool
    ):
        for unit in UNITS:
            await put(store, a_conversion(item, unit))
        seen: list[str] = []
        while page := await conversions(
            store, item, limit=2, descending=descending, after=(seen[-1],) if seen else None
        ):
            seen += [each.unit for each in page]
        assert seen == sorted(UNITS, reverse=descending)

    async def test_skips_an_offset(self, store: Store, item: Item):
        for unit in UNITS:
            await put(store, a_conversion(item, unit))
        page = await conversions(store, item, offset=2, limit=3)
        assert [each.unit for each in page] == sorted(UNITS)[2:5]


class TestWithConversions:
    async def test_are_the_items_that_have_any(self, store: Store, tenant: UUID, item: Item):
        without, asked_not = await stored(store, tenant, an_item(), an_item())
        for conversion in (a_conversion(item), a_conversion(item, "hộp"), a_conversion(asked_not)):
            await put(store, conversion)
        async with store.items(tenant) as repo:
            assert await repo.with_fixed_unit([item.id, without.id, new_id()]) == {item.id}
            assert await repo.with_fixed_unit({item.id: 0, without.id: 1}) == {item.id}
            assert await repo.with_fixed_unit([]) == set()


class TestAnotherTenant:
    async def test_sees_and_changes_nothing(self, store: Store, item: Item, neighbour: UUID):
        ours = a_conversion(item)
        await put(store, ours)
        async with store.items(neighbour) as repo:
            assert [*await repo.list_conversions(item.id)] == []
            assert await repo.with_fixed_unit([item.id]) == set()
            assert not await repo.delete_conversion(item.id, ours.unit)
            assert not await repo.delete(item.id)
        assert await conversions(store, item) == [ours]
        assert await found(store, item.tenant_id, item.id) == item


class TestPostgresItemRepo:
    async def test_cannot_store_a_conversion_under_another_tenant(
        self, database: Database, derived_keys: DerivedKeys
    ):
        store = InPostgres(database, derived_keys)
        tenant, neighbour = await store.new_tenant(), await store.new_tenant()
        [item] = await stored(store, tenant, an_item(unit="lon"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.items(tenant) as repo:
                await repo.put_conversion(replace(a_conversion(item), tenant_id=neighbour))
        assert await conversions(store, item) == []
