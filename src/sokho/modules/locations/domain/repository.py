"""The port through which locations are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.locations.domain.entities import Location, LocationKind, LocationStatus

BY_ID: Final = Sort("id")


@dataclass(frozen=True, slots=True)
class LocationFilter:
    """Which locations: all conditions that are not None must hold."""

    code_key: str | None = None
    kind: LocationKind | None = None
    status: LocationStatus | None = None
    parent_id: UUID | None = None
    updated_since: datetime | None = None


class LocationRepository(ABC):
    """Locations of one tenant. Nothing here commits: the transaction belongs to the caller."""

    @abstractmethod
    async def get_by_id(self, id: UUID) -> Location | None:
        """Return the location, or None where this tenant has none such."""

    @abstractmethod
    async def hold(self, id: UUID) -> Location | None:
        """Return the location like `get_by_id`, and keep others from changing it meanwhile."""

    @abstractmethod
    async def list(
        self,
        filter: LocationFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Location]:
        """Return at most `limit` locations in order, from behind `after`, skipping `offset`.

        `sort.field` is one of id, code, created_at, updated_at.
        """

    @abstractmethod
    async def create(self, location: Location) -> Location:
        """Store a new location and return it as stored, with the store's timestamps.

        Raises `DuplicateLocationError`, and `InvalidError` for a parent that is gone.
        """

    @abstractmethod
    async def update(self, location: Location) -> Location:
        """Replace the stored location of the version just before `location.version`.

        Returns it as stored. Raises `LocationNotFoundError`, `PreconditionFailedError` when the
        stored version is another, `DuplicateLocationError`, and `InvalidError` for a parent that
        is gone.
        """

    @abstractmethod
    async def delete(self, id: UUID) -> bool:
        """Remove the location; return whether there was one.

        Raises `LocationInUseError` when something refers to it.
        """

    @abstractmethod
    async def take_turn(self) -> None:
        """Wait for whoever changes the tenant's tree, and keep others from it until the end.

        What is read of the tree before may have changed since.
        """

    @abstractmethod
    async def lineage(self, id: UUID) -> Sequence[Location]:
        """Return the location and those above it, the nearest first; none if it does not exist."""

    @abstractmethod
    async def levels_below(self, id: UUID) -> int:
        """Return how many levels of locations hang below one."""

    @abstractmethod
    async def has_active_below(self, id: UUID) -> bool:
        """Return whether an active location stands right below one."""

    @abstractmethod
    async def hold_stock(self, id: UUID) -> bool:
        """Return whether goods lie at a location that is held.

        Where none do, nobody can put any there until the end.
        """
