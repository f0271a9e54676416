"""A batch of items: which rows are new, which change what is stored, and which do not fit."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.events import differences
from sokho.core.domain.lines import REQUIRED, trimmed
from sokho.modules.items.domain.entities import DEFAULT_UNIT, Item, ItemChanges, sku_key
from sokho.modules.items.domain.errors import UNKNOWN_UNIT, DuplicateSKUInBatchError

_DUPLICATE: Final = FieldError("/sku", DuplicateSKUInBatchError.code, DuplicateSKUInBatchError.text)
_NAME_REQUIRED: Final = FieldError("/name", "required", REQUIRED)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How many rows made an item and how many met one, and the items' ids in the rows' order."""

    created: int
    updated: int
    ids: list[UUID]


class ItemBatch:
    """The rows of a batch as the items that they lead to.

    `stored` are the items that exist, by SKU key; `units` are those of `units_of(rows)` that the
    business has. Raises `InvalidError` with every fault of every row, and
    `DuplicateSKUInBatchError` when repeated SKUs are the only ones.
    """

    def __init__(
        self,
        rows: Sequence[ItemChanges],
        stored: Mapping[str, Item],
        units: Collection[str],
        *,
        tenant_id: UUID,
        now: datetime,
        make_id: Callable[[], UUID],
    ) -> None:
        self._steps: list[tuple[Item | None, Item]] = []
        errors: list[FieldError] = []
        met: set[str] = set()
        for index, row in enumerate(rows):
            key = sku_key(row["sku"])
            before = stored.get(key)
            faults = [_DUPLICATE] if key in met else []
            met.add(key)
            try:
                item = (
                    before.change(now=now, **row) if before else _made(row, tenant_id, now, make_id)
                )
                self._steps.append((before, item))
                is_known = item.unit in units or (before is not None and "unit" not in row)
            except InvalidError as invalid:
                faults += invalid.errors
                is_known = _has_known_unit(row, units, is_new=before is None) or any(
                    fault.pointer == UNKNOWN_UNIT.pointer for fault in faults
                )
            if not is_known:
                faults.append(UNKNOWN_UNIT)
            if faults:
                errors += [fault.below(f"/items/{index}") for fault in faults]
        _refuse(errors)

    @property
    def items(self) -> list[Item]:
        """What the rows lead to, in their order."""
        return [item for _, item in self._steps]

    @property
    def new(self) -> list[Item]:
        """The items to be made."""
        return [item for before, item in self._steps if before is None]

    @property
    def changed(self) -> list[Item]:
        """The items that differ from what is stored."""
        return [item for before, item in self._steps if before is not None and item is not before]

    @property
    def differences(self) -> dict[UUID, object]:
        """What changes of the items that differ, by id: each field before and after."""
        return {
            item.id: differences(before, item)
            for before, item in self._steps
            if before is not None and item is not before
        }

    @property
    def rows_of_changed_units(self) -> dict[UUID, int]:
        """The rows that give an item another unit than it has, by the item's id."""
        return {
            item.id: index
            for index, (before, item) in enumerate(self._steps)
            if before is not None and before.unit != item.unit
        }


def _made(row: ItemChanges, tenant_id: UUID, now: datetime, make_id: Callable[[], UUID]) -> Item:
    if "name" not in row:
        raise InvalidError(_NAME_REQUIRED)
    given: Any = row
    return Item.create(id=make_id(), tenant_id=tenant_id, now=now, **given)


def units_of(rows: Iterable[ItemChanges]) -> set[str]:
    """Return the units that the rows name, and the one that an item has unless told."""
    return {DEFAULT_UNIT} | {trimmed(row["unit"]) for row in rows if "unit" in row}


def _has_known_unit(row: ItemChanges, known: Collection[str], *, is_new: bool) -> bool:
    """Whether a row's item can have its unit: the one named, else the stored or the default one."""
    if "unit" in row:
        return trimmed(row["unit"]) in known
    return not is_new or DEFAULT_UNIT in known


def _refuse(errors: Sequence[FieldError]) -> None:
    if not errors:
        return
    if all(error.code == DuplicateSKUInBatchError.code for error in errors):
        raise DuplicateSKUInBatchError(*errors)
    raise InvalidError(*errors)
