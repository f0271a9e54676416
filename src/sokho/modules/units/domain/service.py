"""What one can do with units."""

from typing import Unpack
from uuid import UUID

from sokho.core.domain.events import EventLog, created, updated
from sokho.core.domain.lines import trimmed
from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.core.domain.versions import ExpectedVersion
from sokho.modules.units.domain.defaults import default_units
from sokho.modules.units.domain.entities import Unit, UnitChanges
from sokho.modules.units.domain.errors import UnitInUseError, UnitNotFoundError
from sokho.modules.units.domain.repository import UnitRepository


class UnitService:
    """The business operations on units, each one step of one transaction."""

    def __init__(self, repo: UnitRepository, events: EventLog) -> None:
        self._repo = repo
        self._events = events

    async def create_defaults(self, tenant_id: UUID) -> None:
        """Give a new business the units that it will begin with."""
        await self._repo.create(default_units(tenant_id))

    async def create(self, tenant_id: UUID, *, code: str, name: str, decimals: int) -> Unit:
        """Add a unit; raises `InvalidError`, `DuplicateUnitError`."""
        unit = Unit.create(tenant_id=tenant_id, code=code, name=name, decimals=decimals)
        self._events.record(created("unit", unit.code, unit))
        await self._repo.create([unit])
        return unit

    async def get(self, code: str) -> Unit:
        """Return a unit; raises `UnitNotFoundError`."""
        unit = await self._repo.get_by_code(trimmed(code))
        if unit is None:
            raise UnitNotFoundError(code)
        return unit

    async def list(
        self,
        *,
        descending: bool = False,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> list[Unit]:
        """Return a page of units by code."""
        return await self._repo.list(limit, offset, descending=descending, after=after)

    async def patch(
        self, code: str, expected: ExpectedVersion, **changes: Unpack[UnitChanges]
    ) -> Unit:
        """Change a unit; what changes nothing makes no new version.

        Raises `UnitNotFoundError`, `PreconditionFailedError`, `InvalidError`, and `UnitInUseError`
        for other decimals once stock has moved in it.
        """
        unit = await self._repo.hold(trimmed(code))
        if unit is None:
            raise UnitNotFoundError(code)
        expected.require(unit.version)
        changed = unit.change(**changes)
        if changed.decimals != unit.decimals and await self._repo.has_stock(unit.code):
            raise UnitInUseError
        if changed is not unit:
            self._events.record(updated("unit", unit.code, unit, changed))
            await self._repo.update(changed)
        return changed
