"""Units in memory, by the same contract as PostgreSQL, and a builder for them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.modules.units.domain.entities import Unit
from sokho.modules.units.domain.errors import DuplicateUnitError, UnitNotFoundError
from sokho.modules.units.domain.repository import UnitRepository


def a_unit(code: str = "két", **changes: Any) -> Unit:
    """Return a valid unit."""
    given: dict[str, Any] = {"tenant_id": UUID(int=1), "code": code, "name": "két 24 chai"}
    return Unit.create(**(given | changes))


class UnitStore:
    """What all tenants of a fake have stored."""

    def __init__(self) -> None:
        self.units: defaultdict[UUID, dict[str, Unit]] = defaultdict(dict)
        self.moved: set[str] = set()
        """The codes of the units in which stock has moved."""


class FakeUnitRepo(UnitRepository):
    """Units of one tenant in a store that other tenants share."""

    def __init__(self, tenant_id: UUID, store: UnitStore) -> None:
        self._store = store
        self._tenant_id = tenant_id

    @property
    def _units(self) -> dict[str, Unit]:
        return self._store.units[self._tenant_id]

    async def get_by_code(self, code: str) -> Unit | None:
        return self._units.get(code)

    async def hold(self, code: str) -> Unit | None:
        return self._units.get(code)

    async def has_stock(self, code: str) -> bool:
        return code in self._units and code in self._store.moved

    async def list(
        self,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> list[Unit]:
        codes = sorted(self._units, reverse=descending)
        if after is not None:
            (last,) = after
            codes = [code for code in codes if (code < last if descending else code > last)]  # type: ignore[operator]
        return [self._units[code] for code in codes[offset : offset + limit]]

    async def create(self, units: Sequence[Unit]) -> None:
        for unit in units:
            assert unit.tenant_id == self._tenant_id
            if unit.code in self._units:
                raise DuplicateUnitError(unit.code)
            self._units[unit.code] = unit

    async def update(self, unit: Unit) -> None:
        present = self._units.get(unit.code)
        if present is None:
            raise UnitNotFoundError(unit.code)
        if present.version != unit.version - 1:
            raise PreconditionFailedError
        self._units[unit.code] = unit
