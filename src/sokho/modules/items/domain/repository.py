"""The port through which items are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
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

        Raises `DuplicateSKUError`.
        """

    @abstractmethod
    async def update(self, item: Item) -> Item:
        """Replace the stored item of the version just before `item.version`.

        Returns it as stored. Raises `ItemNotFoundError`, `PreconditionFailedError` when the
        stored version is another, and `DuplicateSKUError`.
        """

    @abstractmethod
    async def delete(self, id: UUID) -> bool:
        """Remove the item; return whether there was one."""
