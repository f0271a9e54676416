"""The port through which units are stored: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.modules.units.domain.entities import Unit


class UnitRepository(ABC):
    """Units of one tenant. Nothing here commits: the transaction belongs to the caller.

    A unit is never removed and keeps its code: whoever has seen one may rely on it.
    """

    @abstractmethod
    async def get_by_code(self, code: str) -> Unit | None:
        """Return the unit, or None where this tenant has none such."""

    @abstractmethod
    async def hold(self, code: str) -> Unit | None:
        """Return the unit like `get_by_code`, and keep others from changing it meanwhile.

        Nor can anything begin to be told in it.
        """

    @abstractmethod
    async def has_stock(self, code: str) -> bool:
        """Return whether an item has moved that is told in the unit or converts from it."""

    @abstractmethod
    async def list(
        self,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[Unit]:
        """Return at most `limit` units by code, from behind `after`, skipping `offset`."""

    @abstractmethod
    async def create(self, units: Sequence[Unit]) -> None:
        """Store new units; raises `DuplicateUnitError`."""

    @abstractmethod
    async def update(self, unit: Unit) -> None:
        """Replace the stored unit of the version just before `unit.version`.

        Raises `UnitNotFoundError`, and `PreconditionFailedError` when that version is another.
        """
