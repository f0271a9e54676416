"""Items in memory, by the same contract as PostgreSQL, and a builder for them."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.errors import UNKNOWN_UNIT, DuplicateSKUError, ItemNotFoundError
from sokho.modules.items.domain.repository import BY_ID, ItemFilter, ItemRepository
from sokho.modules.units.domain.defaults import default_units
from tests.fakes.pages import page_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the builders' things were made: no store and no clock would say so by itself."""

_numbers = itertools.count(1)


def an_item(sku: str | None = None, **changes: Any) -> Item:
    """Return a valid item; without `sku` and `id` it is unlike any other."""
    given: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": UUID(int=1),
        "sku": sku or f"SKU-{next(_numbers)}",
        "name": "Đinh 5 phân",
        "now": NOON,
    }
    return Item.create(**(given | changes))


def a_full_item(**changes: Any) -> Item:
    """Return an item with nothing left at its default."""
    item = an_item(
        " Đinh-5P ",
        name="Đinh 5 phân “mạ kẽm”",
        description="dòng một\ndòng hai\t😀",
        unit="kg",
        barcode="8934563138165",
        status=ItemStatus.ARCHIVED,
        tags=["đinh", "Kẽm", "a,b", '"{}\\'],
        attributes={
            "dài mm": 50,
            "nặng": 1.25,
            "sâu": [{"a": [None, True, False]}, "\u2028"],
            "lớn": 2**63 - 1,
            "bé": -(2**63),
            "": {},
        },
    )
    return replace(item, version=7, **changes)


class ItemStore:
    """What all tenants of a fake have stored, and the store's own clock."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.items: defaultdict[UUID, dict[UUID, Item]] = defaultdict(dict)
        self.conversions: defaultdict[UUID, dict[tuple[UUID, str], Conversion]] = defaultdict(dict)

    def tick(self) -> None:
        """Let time pass, as it does between two transactions."""
        self.now += timedelta(microseconds=1)


class FakeItemRepo(ItemRepository):
    """Items of one tenant in a store that other tenants share."""

    def __init__(self, tenant_id: UUID, store: ItemStore) -> None:
        self._store = store
        self._tenant_id = tenant_id

    @property
    def _items(self) -> dict[UUID, Item]:
        return self._store.items[self._tenant_id]

    async def get_by_id(self, id: UUID) -> Item | None:
        return self._items.get(id)

    async def hold(self, id: UUID) -> Item | None:
        return self._items.get(id)

    async def list(
        self,
        filter: ItemFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Item]:
        return page_of(
            (item for item in self._items.values() if _fits(item, filter)),
            lambda item: _place(item, sort),
            sort=sort,
            limit=limit,
            offset=offset,
            after=after,
        )

    async def create(self, item: Item) -> Item:
        assert item.tenant_id == self._tenant_id
        self._refuse_duplicate(item)
        await self._refuse_unknown_unit(item)
        stored = replace(item, created_at=self._store.now, updated_at=self._store.now)
        self._items[item.id] = stored
        return stored

    async def update(self, item: Item) -> Item:
        present = self._items.get(item.id)
        if present is None:
            raise ItemNotFoundError(item.id)
        if present.version != item.version - 1:
            raise PreconditionFailedError
        self._refuse_duplicate(item)
        await self._refuse_unknown_unit(item)
        stored = replace(
            item,
            tenant_id=present.tenant_id,
            created_at=present.created_at,
            updated_at=self._store.now,
        )
        self._items[item.id] = stored
        return stored

    async def delete(self, id: UUID) -> bool:
        if id not in self._items:
            return False
        del self._items[id]
        for key in [key for key in self._conversions if key[0] == id]:
            del self._conversions[key]
        return True

    async def lock(self, sku_keys: Collection[str]) -> dict[str, Item]:
        return {item.sku_key: item for item in self._items.values() if item.sku_key in sku_keys}

    async def save(self, new: Sequence[Item], changed: Sequence[Item]) -> set[UUID]:
        taken = {item.sku_key for item in self._items.values()}
        lost = {item.id for item in new if item.sku_key in taken}
        for item in new:
            if item.id not in lost:
                await self.create(item)
        for item in changed:
            await self.update(item)
        return lost

    async def known_units(self, codes: Collection[str]) -> set[str]:
        return {*codes} & {unit.code for unit in default_units(self._tenant_id)}

    async def with_fixed_unit(self, ids: Collection[UUID]) -> set[UUID]:
        return {item_id for item_id, _ in self._conversions if item_id in ids}

    async def list_conversions(
        self,
        item_id: UUID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[Conversion]:
        return page_of(
            (each for each in self._conversions.values() if each.item_id == item_id),
            lambda each: (each.unit,),
            sort=Sort("unit", descending=descending),
            limit=limit,
            offset=offset,
            after=after,
        )

    async def hold_unit(self, id: UUID) -> str | None:
        item = self._items.get(id)
        return None if item is None else item.unit

    async def get_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        return self._conversions.get((item_id, unit))

    async def put_conversion(self, conversion: Conversion) -> None:
        if not await self.known_units([conversion.unit]):
            raise InvalidError(UNKNOWN_UNIT)
        key = (conversion.item_id, conversion.unit)
        self._conversions[key] = conversion

    async def delete_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        return self._conversions.pop((item_id, unit), None)

    @property
    def _conversions(self) -> dict[tuple[UUID, str], Conversion]:
        return self._store.conversions[self._tenant_id]

    async def _refuse_unknown_unit(self, item: Item) -> None:
        if not await self.known_units([item.unit]):
            raise InvalidError(UNKNOWN_UNIT)

    def _refuse_duplicate(self, item: Item) -> None:
        for other in self._items.values():
            if other.id != item.id and other.sku_key == item.sku_key:
                raise DuplicateSKUError(item.sku)


def _fits(item: Item, filter: ItemFilter) -> bool:
    return (
        filter.sku_key in {None, item.sku_key}
        and filter.barcode in {None, item.barcode}
        and filter.status in {None, item.status}
        and (filter.tag is None or filter.tag in item.tags)
        and (filter.updated_since is None or item.updated_at >= filter.updated_since)
    )


def _place(item: Item, sort: Sort) -> tuple[Any, ...]:
    if sort.field == "id":
        return (item.id,)
    value = {"sku": item.sku_key, "created_at": item.created_at, "updated_at": item.updated_at}
    return (value[sort.field], item.id)
