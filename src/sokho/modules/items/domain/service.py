"""What one can do with items."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.items.domain.entities import DEFAULT_UNIT, Item, ItemStatus
from sokho.modules.items.domain.errors import ItemNotFoundError
from sokho.modules.items.domain.repository import BY_ID, ItemFilter, ItemRepository


class ItemService:
    """The business operations on items, each one step of one transaction."""

    def __init__(
        self,
        repo: ItemRepository,
        *,
        clock: Clock = utc_now,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._clock = clock
        self._make_id = make_id

    async def create(
        self,
        tenant_id: UUID,
        name: str,
        *,
        sku: str,
        description: str | None = None,
        unit: str = DEFAULT_UNIT,
        barcode: str | None = None,
        status: ItemStatus = ItemStatus.ACTIVE,
        tags: Sequence[str] = (),
        attributes: Mapping[str, object] | None = None,
    ) -> Item:
        """Add an item; raises `InvalidError`, `DuplicateSKUError`."""
        item = Item.create(
            id=self._make_id(),
            tenant_id=tenant_id,
            sku=sku,
            name=name,
            description=description,
            unit=unit,
            barcode=barcode,
            status=status,
            tags=tags,
            attributes=attributes,
            now=self._clock(),
        )
        return await self._repo.create(item)

    async def get(self, item_id: UUID) -> Item:
        """Return an item; raises `ItemNotFoundError`."""
        item = await self._repo.get_by_id(item_id)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def list(
        self,
        filter: ItemFilter,
        *,
        sort: Sort = BY_ID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> list[Item]:
        """Return a page of items in order."""
        return await self._repo.list(filter, limit, offset, sort=sort, after=after)
