"""What one can do with items."""

from collections.abc import Callable, Sequence
from typing import Final, Unpack
from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.core.domain.events import Event, EventLog, created, deleted, updated
from sokho.core.domain.ids import new_id
from sokho.core.domain.lines import trimmed
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.domain.versions import ExpectedVersion
from sokho.modules.items.domain.batch import BatchResult, ItemBatch, units_of
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import Item, ItemChanges, NewItem, sku_key
from sokho.modules.items.domain.errors import (
    ConversionNotFoundError,
    DuplicateSKUError,
    ItemNotFoundError,
    UnitInUseError,
)
from sokho.modules.items.domain.repository import BY_ID, ItemFilter, ItemRepository

_ATTEMPTS: Final = 3


class ItemService:
    """The business operations on items, each one step of one transaction."""

    def __init__(
        self,
        repo: ItemRepository,
        events: EventLog,
        *,
        clock: Clock = utc_now,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._events = events
        self._clock = clock
        self._make_id = make_id

    async def create(self, tenant_id: UUID, name: str, **given: Unpack[NewItem]) -> Item:
        """Add an item; raises `InvalidError`, `DuplicateSKUError`."""
        item = Item.create(
            id=self._make_id(), tenant_id=tenant_id, name=name, now=self._clock(), **given
        )
        self._events.record(created("item", item.id, item))
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

    async def patch(
        self, item_id: UUID, expected: ExpectedVersion, **changes: Unpack[ItemChanges]
    ) -> Item:
        """Change an item as a merge patch says; what changes nothing makes no new version.

        Raises `ItemNotFoundError`, `PreconditionFailedError`, `InvalidError`,
        `DuplicateSKUError`, `UnitInUseError`.
        """
        item = await self._held(item_id)
        expected.require(item.version)
        changed = item.patch(now=self._clock(), **changes)
        if changed is item:
            return item
        if changed.unit != item.unit and await self._repo.with_fixed_unit([item_id]):
            raise UnitInUseError
        self._events.record(updated("item", item_id, item, changed))
        return await self._repo.update(changed)

    async def delete(self, item_id: UUID, expected: ExpectedVersion) -> None:
        """Remove an item.

        Raises `ItemNotFoundError`, `PreconditionFailedError`, `ItemInUseError`.
        """
        item = await self._held(item_id)
        expected.require(item.version)
        self._events.record(deleted("item", item_id, item))
        await self._repo.delete(item_id)

    async def upsert(self, tenant_id: UUID, rows: Sequence[ItemChanges]) -> BatchResult:
        """Make or change an item for each row, found by its SKU: all rows or none.

        Raises `InvalidError` with the faults of all rows, `DuplicateSKUInBatchError`,
        `UnitInUseError`, and `DuplicateSKUError` when others keep taking and freeing a SKU.
        """
        keys = [sku_key(row["sku"]) for row in rows]
        created: dict[UUID, str] = {}
        updated: dict[UUID, object] = {}
        for _ in range(_ATTEMPTS):
            batch = ItemBatch(
                rows,
                await self._repo.lock(keys),
                await self._repo.known_units(units_of(rows)),
                tenant_id=tenant_id,
                now=self._clock(),
                make_id=self._make_id,
            )
            new = batch.new
            lost = await self._repo.save(new, batch.changed)
            await self._refuse_changed_units(batch)
            created |= {item.id: item.sku for item in new if not lost or item.id not in lost}
            updated |= batch.differences
            if not lost:
                if created or updated:
                    changes = {"created": created, "updated": updated}
                    self._events.record(Event("item.batch", None, changes))
                ids = [item.id for item in batch.items]
                return BatchResult(len(created), len(rows) - len(created), ids)
        raise DuplicateSKUError(keys[0])

    async def list_conversions(
        self,
        item_id: UUID,
        *,
        descending: bool = False,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[Conversion]:
        """Return a page of an item's conversions by unit; raises `ItemNotFoundError`."""
        found = await self._repo.list_conversions(
            item_id, limit, offset, descending=descending, after=after
        )
        if not found:
            await self.get(item_id)
        return found

    async def get_conversion(self, item_id: UUID, unit: str) -> Conversion:
        """Return a conversion; raises `ItemNotFoundError`, `ConversionNotFoundError`."""
        conversion = await self._repo.get_conversion(item_id, trimmed(unit))
        if conversion is None:
            await self.get(item_id)
            raise ConversionNotFoundError
        return conversion

    async def put_conversion(
        self, tenant_id: UUID, item_id: UUID, unit: str, *, numerator: int, denominator: int
    ) -> tuple[Conversion, bool]:
        """Say what one `unit` is in the item's own; return it, and whether it is new.

        Raises `ItemNotFoundError`, and `InvalidError` for a unit that is unknown or the item's own.
        """
        conversion = Conversion.create(
            tenant_id=tenant_id,
            item_id=item_id,
            unit=trimmed(unit),
            numerator=numerator,
            denominator=denominator,
        )
        unit_of_item = await self._repo.hold_unit(item_id)
        if unit_of_item is None:
            raise ItemNotFoundError(item_id)
        conversion.refuse_own_unit(unit_of_item)
        before = await self._repo.get_conversion(item_id, conversion.unit)
        if before != conversion:
            self._events.record(_changed(item_id, before, conversion))
            await self._repo.put_conversion(conversion)
        return conversion, before is None

    async def delete_conversion(self, item_id: UUID, unit: str) -> None:
        """Remove a conversion; raises `ItemNotFoundError`, `ConversionNotFoundError`."""
        removed = await self._repo.delete_conversion(item_id, trimmed(unit))
        if removed is None:
            await self.get(item_id)
            raise ConversionNotFoundError
        self._events.record(_changed(item_id, removed, None))

    async def _held(self, item_id: UUID) -> Item:
        """Return an item that nobody else can change meanwhile, so that any version is the last."""
        item = await self._repo.hold(item_id)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def _refuse_changed_units(self, batch: ItemBatch) -> None:
        rows = batch.rows_of_changed_units
        if rows and (used := await self._repo.with_fixed_unit(rows)):
            raise UnitInUseError(sorted(rows[id] for id in used))


def _changed(item_id: UUID, before: Conversion | None, after: Conversion | None) -> Event:
    """Return the event of a conversion, which belongs to the history of its item."""
    unit = next(each.unit for each in (before, after) if each is not None)
    states = {"before": before, "after": after}
    changes = {unit: {when: state and state.terms for when, state in states.items()}}
    return Event("item.conversion_changed", str(item_id), changes)
