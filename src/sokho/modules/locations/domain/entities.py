"""A location, its place in the tree of its business, and when both are valid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self, TypedDict, Unpack
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.lines import REQUIRED, caseless, line_faults, trimmed
from sokho.core.domain.texts import Text
from sokho.modules.locations.domain.errors import UNKNOWN_PARENT

CODE_LENGTH: Final = 32
NAME_LENGTH: Final = 255
LEVELS: Final = 10
"""How many locations may stand one below another."""

_PARENT_REQUIRED = FieldError("/parent_id", "required", REQUIRED)
_BELOW_ITSELF = FieldError(
    "/parent_id",
    "cycle",
    Text(vi="Vị trí không thể nằm dưới chính nó.", en="A location cannot lie below itself."),
)
_WRONG_KIND = FieldError(
    "/parent_id",
    "wrong_kind",
    Text(
        vi="Loại vị trí này không được đặt dưới vị trí cấp trên đã chọn.",
        en="A location of this kind cannot lie below one of that kind.",
    ),
)
_ARCHIVED_PARENT = FieldError(
    "/parent_id",
    "archived",
    Text(
        vi="Vị trí cấp trên đã ngừng sử dụng; hãy dùng lại vị trí ấy trước.",
        en="The location above is archived; make it active first.",
    ),
)
_TOO_DEEP = FieldError(
    "/parent_id",
    "too_deep",
    Text(
        vi="Các vị trí chỉ được xếp lồng tối đa {most} tầng.",
        en="There may be at most {most} levels of locations.",
    ).format(most=LEVELS),
)


class LocationKind(StrEnum):
    """What a location is; chosen once."""

    WAREHOUSE = "warehouse"
    BIN = "bin"
    TRANSIT = "transit"


class LocationStatus(StrEnum):
    """Whether a location is still used."""

    ACTIVE = "active"
    ARCHIVED = "archived"


_PARENTS: Final[Mapping[LocationKind, frozenset[LocationKind]]] = {
    LocationKind.WAREHOUSE: frozenset({LocationKind.WAREHOUSE}),
    LocationKind.BIN: frozenset({LocationKind.WAREHOUSE, LocationKind.BIN}),
    LocationKind.TRANSIT: frozenset({LocationKind.WAREHOUSE}),
}
_NEEDS_PARENT: Final = frozenset({LocationKind.BIN})


class NewLocation(TypedDict, total=False):
    """What may be said of a location when it is made."""

    parent_id: UUID | None
    status: LocationStatus


class LocationChanges(TypedDict, total=False):
    """What is to become of a location; what is left out stays as it is."""

    code: str
    name: str
    parent_id: UUID | None
    status: LocationStatus


class Location(Struct, frozen=True, kw_only=True):
    """A place where a business keeps stock: a warehouse, a bin in it, or goods on their way.

    Made by `create` and `change`, which normalise and validate. What a repository returns was
    valid when it was stored and is not judged again. The timestamps of a stored location are the
    store's.
    """

    id: UUID
    tenant_id: UUID
    code: str
    name: str
    kind: LocationKind
    parent_id: UUID | None = None
    status: LocationStatus = LocationStatus.ACTIVE
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(
        cls,
        *,
        id: UUID,
        tenant_id: UUID,
        code: str,
        name: str,
        kind: LocationKind,
        now: datetime,
        place: "Place",
        **given: Unpack[NewLocation],
    ) -> Self:
        """Return a new, valid location; raises `InvalidError` naming every field at fault.

        `place` is that of `parent_id`.
        """
        location = cls(
            id=id,
            tenant_id=tenant_id,
            code=trimmed(code),
            name=name,
            kind=kind,
            created_at=now,
            updated_at=now,
            **given,
        )
        location.validate(place)
        return location

    def change(
        self, *, now: datetime, place: "Place | None" = None, **changes: Unpack[LocationChanges]
    ) -> Self:
        """Return the location's next version, or the location itself if nothing would differ.

        `place` is the one that it will have; it is needed where the parent or the status is among
        the changes. Raises `InvalidError` naming every field at fault.
        """
        given: dict[str, Any] = {**changes}
        if "code" in given:
            given["code"] = trimmed(given["code"])
        changed = replace(self, **given)
        changed.validate(place)
        if changed == self:
            return self
        return replace(changed, version=self.version + 1, updated_at=now)

    @property
    def code_key(self) -> str:
        """The code by which locations are told apart: case does not count."""
        return caseless(self.code)

    @property
    def is_active(self) -> bool:
        """Whether the location is still used."""
        return self.status is LocationStatus.ACTIVE

    def validate(self, place: "Place | None") -> None:
        """Raise `InvalidError` naming every field that breaks a rule, in `place` if it is given."""
        errors = [*self._faults(), *(place.faults(self) if place is not None else ())]
        if errors:
            raise InvalidError(*errors)

    def _faults(self) -> Iterator[FieldError]:
        yield from line_faults("/code", self.code, CODE_LENGTH)
        yield from line_faults("/name", self.name, NAME_LENGTH)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the tree: what is above it, the parent first, and how many levels hang below.

    Nothing is above a location without a parent, nor below a parent that does not exist.
    """

    above: Sequence[Location] = ()
    levels_below: int = 0

    def faults(self, location: Location) -> Iterator[FieldError]:
        """Yield what keeps `location`, as it is to become, from standing here."""
        if location.parent_id is None:
            if location.kind in _NEEDS_PARENT:
                yield _PARENT_REQUIRED
        elif not self.above:
            yield UNKNOWN_PARENT
        elif any(each.id == location.id for each in self.above):
            yield _BELOW_ITSELF
        else:
            yield from self._misfits(location)

    def _misfits(self, location: Location) -> Iterator[FieldError]:
        parent = self.above[0]
        if parent.kind not in _PARENTS[location.kind]:
            yield _WRONG_KIND
        if location.is_active and not parent.is_active:
            yield _ARCHIVED_PARENT
        if len(self.above) + 1 + self.levels_below > LEVELS:
            yield _TOO_DEEP
