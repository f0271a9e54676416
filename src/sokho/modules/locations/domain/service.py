"""What one can do with locations."""

from collections.abc import Callable
from typing import Final, Unpack
from uuid import UUID

from sokho.core.domain.clock import Clock, utc_now
from sokho.core.domain.events import EventLog, created, deleted, updated
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.domain.versions import ExpectedVersion
from sokho.modules.locations.domain.entities import (
    Location,
    LocationChanges,
    LocationKind,
    NewLocation,
    Place,
)
from sokho.modules.locations.domain.errors import (
    LocationHasStockError,
    LocationInUseError,
    LocationNotFoundError,
)
from sokho.modules.locations.domain.repository import BY_ID, LocationFilter, LocationRepository

FIRST_CODE: Final = "KHO"
FIRST_NAME: Final = "Kho chính"

_OF_THE_TREE: Final = frozenset({"parent_id", "status"})


class LocationService:
    """The business operations on locations, each one step of one transaction.

    Whatever depends on other locations of the tree is decided in turn: neither can two moves
    together make a cycle, nor does anything come below what is being archived.
    """

    def __init__(
        self,
        repo: LocationRepository,
        events: EventLog,
        *,
        clock: Clock = utc_now,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._events = events
        self._clock = clock
        self._make_id = make_id

    async def create_first(self, tenant_id: UUID) -> Location:
        """Give a new business the warehouse that it will begin with."""
        return await self.create(tenant_id, FIRST_CODE, FIRST_NAME, LocationKind.WAREHOUSE)

    async def create(
        self,
        tenant_id: UUID,
        code: str,
        name: str,
        kind: LocationKind,
        **given: Unpack[NewLocation],
    ) -> Location:
        """Add a location; raises `InvalidError`, `DuplicateLocationError`."""
        parent_id = given.get("parent_id")
        if parent_id is not None:
            await self._repo.take_turn()
        location = Location.create(
            id=self._make_id(),
            tenant_id=tenant_id,
            code=code,
            name=name,
            kind=kind,
            now=self._clock(),
            place=await self._place_below(parent_id),
            **given,
        )
        self._events.record(created("location", location.id, location))
        return await self._repo.create(location)

    async def get(self, location_id: UUID) -> Location:
        """Return a location; raises `LocationNotFoundError`."""
        location = await self._repo.get_by_id(location_id)
        if location is None:
            raise LocationNotFoundError(location_id)
        return location

    async def list(
        self,
        filter: LocationFilter,
        *,
        sort: Sort = BY_ID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> list[Location]:
        """Return a page of locations in order."""
        return await self._repo.list(filter, limit, offset, sort=sort, after=after)

    async def patch(
        self, location_id: UUID, expected: ExpectedVersion, **changes: Unpack[LocationChanges]
    ) -> Location:
        """Change a location; what changes nothing makes no new version.

        Raises `LocationNotFoundError`, `PreconditionFailedError`, `InvalidError`,
        `DuplicateLocationError`, and where it is to be archived `LocationInUseError` above an
        active one, `LocationHasStockError` while goods lie there.
        """
        concerns_tree = not _OF_THE_TREE.isdisjoint(changes)
        if concerns_tree:
            await self._repo.take_turn()
        location = await self._held(location_id)
        expected.require(location.version)
        place = await self._place_of(location, changes) if concerns_tree else None
        changed = location.change(now=self._clock(), place=place, **changes)
        if changed is location:
            return location
        if location.is_active and not changed.is_active:
            await self._refuse_use(location_id)
        self._events.record(updated("location", location_id, location, changed))
        return await self._repo.update(changed)

    async def delete(self, location_id: UUID, expected: ExpectedVersion) -> None:
        """Remove a location.

        Raises `LocationNotFoundError`, `PreconditionFailedError`, `LocationInUseError`.
        """
        location = await self._held(location_id)
        expected.require(location.version)
        self._events.record(deleted("location", location_id, location))
        await self._repo.delete(location_id)

    async def _held(self, location_id: UUID) -> Location:
        """Return a location that nobody else can change meanwhile: any version is the last."""
        location = await self._repo.hold(location_id)
        if location is None:
            raise LocationNotFoundError(location_id)
        return location

    async def _place_of(self, location: Location, changes: LocationChanges) -> Place:
        """Return the place that a location will have, with all that hangs below it."""
        parent_id = changes.get("parent_id", location.parent_id)
        moves = parent_id != location.parent_id
        below = await self._repo.levels_below(location.id) if moves else 0
        return await self._place_below(parent_id, levels_below=below)

    async def _place_below(self, parent_id: UUID | None, *, levels_below: int = 0) -> Place:
        above = () if parent_id is None else await self._repo.lineage(parent_id)
        return Place(above, levels_below)

    async def _refuse_use(self, location_id: UUID) -> None:
        if await self._repo.has_active_below(location_id):
            raise LocationInUseError
        if await self._repo.hold_stock(location_id):
            raise LocationHasStockError
