"""The port through which items are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import Item, ItemStatus

BY_ID: Final = Sort("id")


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items: all conditions that are not None must hold."""

    sku_key: str | None = None
    barcode: str | None = None
    status: ItemStatus | None = None
    tag: str | None = None
    updated_since: datetime | None = None


class ItemRepository(ABC):
    """Items of one tenant. Nothing here commits: the transaction belongs to the caller."""

    @abstractmethod
    async def get_by_id(self, id: UUID) -> Item | None:
        """Return the item, or None where this tenant has none such."""

    @abstractmethod
    async def hold(self, id: UUID) -> Item | None:
        """Return the item like `get_by_id`, and keep others from changing it meanwhile."""

    @abstractmethod
    async def list(
        self,
        filter: ItemFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Item]:
        """Return at most `limit` items in order, from behind `after`, skipping `offset`.

        `sort.field` is one of id, sku, created_at, updated_at.
        """

    @abstractmethod
    async def create(self, item: Item) -> Item:
        """Store a new item and return it as stored, with the store's timestamps.

        Raises `DuplicateSKUError`, and `InvalidError` for an unknown unit.
        """

    @abstractmethod
    async def update(self, item: Item) -> Item:
        """Replace the stored item of the version just before `item.version`.

        Returns it as stored. Raises `ItemNotFoundError`, `PreconditionFailedError` when the
        stored version is another, `DuplicateSKUError`, and `InvalidError` for an unknown unit.
        """

    @abstractmethod
    async def delete(self, id: UUID) -> bool:
        """Remove the item and its conversions; return whether there was one.

        Raises `ItemInUseError` when something else refers to it.
        """

    @abstractmethod
    async def lock(self, sku_keys: Collection[str]) -> dict[str, Item]:
        """Return the items with these keys, by key, and keep others from changing them.

        Whoever locks waits for the others of the tenant that do: no two can wait for each other.
        """

    @abstractmethod
    async def save(self, new: Sequence[Item], changed: Sequence[Item]) -> set[UUID]:
        """Store new items, and the next version of items that were locked, in one statement.

        Returns the ids of new items that were left out: somebody else has taken their SKU since
        `lock`. Lock again, and there it is.
        """

    @abstractmethod
    async def known_units(self, codes: Collection[str]) -> set[str]:
        """Return which of the codes are units of this tenant."""

    @abstractmethod
    async def with_fixed_unit(self, ids: Collection[UUID]) -> set[UUID]:
        """Return which of the items have conversions or stock, told in their unit."""

    @abstractmethod
    async def list_conversions(
        self,
        item_id: UUID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[Conversion]:
        """Return at most `limit` conversions of an item by unit, from behind `after`."""

    @abstractmethod
    async def hold_unit(self, id: UUID) -> str | None:
        """Return the item's unit, or None without the item.

        Nobody else can then change the item or its conversions.
        """

    @abstractmethod
    async def get_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        """Return a conversion, or None where the item has none such."""

    @abstractmethod
    async def put_conversion(self, conversion: Conversion) -> None:
        """Store a conversion of an item that is there, in place of what there is.

        Raises `InvalidError` for an unknown unit.
        """

    @abstractmethod
    async def delete_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        """Remove a conversion; return it, or None where there was none."""
