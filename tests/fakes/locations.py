"""Locations in memory, by the same contract as PostgreSQL, and builders for them."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.locations.domain.entities import (
    LEVELS,
    Location,
    LocationKind,
    LocationStatus,
    Place,
)
from sokho.modules.locations.domain.errors import (
    UNKNOWN_PARENT,
    DuplicateLocationError,
    LocationInUseError,
    LocationNotFoundError,
)
from sokho.modules.locations.domain.repository import BY_ID, LocationFilter, LocationRepository
from tests.fakes.pages import page_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the builders' locations were made."""

_numbers = itertools.count(1)


def a_location(code: str | None = None, parent: Location | None = None, **changes: Any) -> Location:
    """Return a valid location, a warehouse without `parent`; no `code` is like another's."""
    given: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": UUID(int=1),
        "code": code or f"K-{next(_numbers)}",
        "name": "Kệ dãy A",
        "kind": LocationKind.WAREHOUSE if parent is None else LocationKind.BIN,
        "parent_id": parent and parent.id,
        "now": NOON,
        "place": Place() if parent is None else Place([parent]),
    }
    return Location.create(**(given | changes))


def a_full_location(parent: Location, **changes: Any) -> Location:
    """Return a location with nothing left at its default."""
    location = a_location(" Kệ-A1 ", parent, status=LocationStatus.ARCHIVED, name="Kệ “A”, tầng 1")
    return replace(location, version=7, **changes)


class LocationStore:
    """What all tenants of a fake have stored, and the store's own clock."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.locations: defaultdict[UUID, dict[UUID, Location]] = defaultdict(dict)
        self.stocked: set[UUID] = set()
        """The locations at which goods lie."""

    def tick(self) -> None:
        """Let time pass, as it does between two transactions."""
        self.now += timedelta(microseconds=1)


class FakeLocationRepo(LocationRepository):
    """Locations of one tenant in a store that other tenants share."""

    def __init__(self, tenant_id: UUID, store: LocationStore) -> None:
        self._store = store
        self._tenant_id = tenant_id

    @property
    def _locations(self) -> dict[UUID, Location]:
        return self._store.locations[self._tenant_id]

    async def get_by_id(self, id: UUID) -> Location | None:
        return self._locations.get(id)

    async def hold(self, id: UUID) -> Location | None:
        return self._locations.get(id)

    async def list(
        self,
        filter: LocationFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Location]:
        return page_of(
            (location for location in self._locations.values() if _fits(location, filter)),
            lambda location: _place(location, sort),
            sort=sort,
            limit=limit,
            offset=offset,
            after=after,
        )

    async def create(self, location: Location) -> Location:
        assert location.tenant_id == self._tenant_id
        self._refuse(location)
        stored = replace(location, created_at=self._store.now, updated_at=self._store.now)
        self._locations[location.id] = stored
        return stored

    async def update(self, location: Location) -> Location:
        present = self._locations.get(location.id)
        if present is None:
            raise LocationNotFoundError(location.id)
        if present.version != location.version - 1:
            raise PreconditionFailedError
        self._refuse(location)
        stored = replace(
            location,
            tenant_id=present.tenant_id,
            created_at=present.created_at,
            updated_at=self._store.now,
        )
        self._locations[location.id] = stored
        return stored

    async def delete(self, id: UUID) -> bool:
        if self._below(id):
            raise LocationInUseError
        return self._locations.pop(id, None) is not None

    async def take_turn(self) -> None:
        """Nobody else is there."""

    async def lineage(self, id: UUID) -> Sequence[Location]:
        found: list[Location] = []
        location = self._locations.get(id)
        while location is not None and len(found) < LEVELS:
            found.append(location)
            parent_id = location.parent_id
            location = None if parent_id is None else self._locations.get(parent_id)
        return found

    async def levels_below(self, id: UUID) -> int:
        return max([1 + await self.levels_below(each.id) for each in self._below(id)], default=0)

    async def has_active_below(self, id: UUID) -> bool:
        return any(each.is_active for each in self._below(id))

    async def hold_stock(self, id: UUID) -> bool:
        return id in self._locations and id in self._store.stocked

    def _below(self, id: UUID) -> Sequence[Location]:
        return [each for each in self._locations.values() if each.parent_id == id]

    def _refuse(self, location: Location) -> None:
        for other in self._locations.values():
            if other.id != location.id and other.code_key == location.code_key:
                raise DuplicateLocationError(location.code)
        if location.parent_id is not None and location.parent_id not in self._locations:
            raise InvalidError(UNKNOWN_PARENT)


def _fits(location: Location, filter: LocationFilter) -> bool:
    return (
        filter.code_key in {None, location.code_key}
        and filter.kind in {None, location.kind}
        and filter.status in {None, location.status}
        and filter.parent_id in {None, location.parent_id}
        and (filter.updated_since is None or location.updated_at >= filter.updated_since)
    )


def _place(location: Location, sort: Sort) -> tuple[Any, ...]:
    if sort.field == "id":
        return (location.id,)
    value = {
        "code": location.code_key,
        "created_at": location.created_at,
        "updated_at": location.updated_at,
    }
    return (value[sort.field], location.id)
