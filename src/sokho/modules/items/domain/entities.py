"""An item, and when it is valid."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.json_objects import are_same, merged, object_faults
from sokho.core.domain.lines import WRONG_CHARACTER, caseless, is_text, line_faults, trimmed
from sokho.core.domain.texts import Text
from sokho.modules.items.domain.barcodes import barcode_faults

SKU_LENGTH: Final = 64
NAME_LENGTH: Final = 255
DESCRIPTION_LENGTH: Final = 4_000
UNIT_LENGTH: Final = 32
TAG_LENGTH: Final = 64
TAG_COUNT: Final = 50
DEFAULT_UNIT: Final = "cái"

_TOO_LONG = Text(vi="Dài quá {most} ký tự.", en="This has more than {most} characters.").format(
    most=DESCRIPTION_LENGTH
)
_TAGS = Text(vi="Tối đa {most} nhãn.", en="There are more than {most} tags.").format(most=TAG_COUNT)


class ItemStatus(StrEnum):
    """Whether an item is still traded."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class _Details(TypedDict, total=False):
    description: str | None
    unit: str
    barcode: str | None
    status: ItemStatus
    tags: Sequence[str] | None
    attributes: Mapping[str, object] | None


class NewItem(_Details):
    """What is said of an item when it is made, beside its name."""

    sku: str


class ItemChanges(_Details, total=False):
    """What is to become of an item; what is left out stays as it is, and None empties."""

    sku: str
    name: str


class Item(Struct, frozen=True, kw_only=True):
    """One thing that a business keeps in stock.

    Made by `create` and `change`, which normalise and validate. What a repository returns was
    valid when it was stored and is not judged again: a rule that becomes stricter must not make
    old rows unreadable. The timestamps of a stored item are the store's.
    """

    id: UUID
    tenant_id: UUID
    sku: str
    name: str
    description: str | None = None
    unit: str = DEFAULT_UNIT
    barcode: str | None = None
    status: ItemStatus = ItemStatus.ACTIVE
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(
        cls, *, id: UUID, tenant_id: UUID, name: str, now: datetime, **given: Unpack[NewItem]
    ) -> Self:
        """Return a new, valid item; raises `InvalidError` naming every field at fault."""
        item = cls(
            id=id,
            tenant_id=tenant_id,
            name=name,
            created_at=now,
            updated_at=now,
            **_normalised(given),
        )
        return _validated(item)

    def change(self, *, now: datetime, **changes: Unpack[ItemChanges]) -> Self:
        """Return the item's next version, or the item itself if nothing would differ.

        Raises `InvalidError` naming every field at fault.
        """
        changed = _validated(replace(self, **_normalised(changes)))
        if changed == self and are_same(changed.attributes, self.attributes):
            return self
        return replace(changed, version=self.version + 1, updated_at=now)

    def patch(self, *, now: datetime, **changes: Unpack[ItemChanges]) -> Self:
        """Change the item as a merge patch says (RFC 7396): attributes are merged, not replaced.

        Raises `InvalidError` naming every field at fault.
        """
        attributes = changes.get("attributes")
        if attributes is not None:
            changes["attributes"] = merged(self.attributes, attributes)
        return self.change(now=now, **changes)

    @property
    def sku_key(self) -> str:
        """The SKU by which items are told apart: case does not count."""
        return sku_key(self.sku)

    def validate(self) -> None:
        """Raise `InvalidError` naming every field that breaks a rule."""
        errors = [
            *line_faults("/sku", self.sku, SKU_LENGTH),
            *line_faults("/name", self.name, NAME_LENGTH),
            *line_faults("/unit", self.unit, UNIT_LENGTH),
        ]
        if self.description is not None:
            if len(self.description) > DESCRIPTION_LENGTH:
                errors.append(FieldError("/description", "too_long", _TOO_LONG))
            if not is_text(self.description):
                errors.append(FieldError("/description", "invalid_character", WRONG_CHARACTER))
        if self.barcode is not None:
            errors += barcode_faults(self.barcode)
        if len(self.tags) > TAG_COUNT:
            errors.append(FieldError("/tags", "too_long", _TAGS))
        for index, tag in enumerate(self.tags[:TAG_COUNT]):
            errors += line_faults(f"/tags/{index}", tag, TAG_LENGTH)
        if self.attributes:
            errors += object_faults("/attributes", self.attributes)
        if errors:
            raise InvalidError(*errors)


_Item = TypeVar("_Item", bound=Item)


def _validated(item: _Item) -> _Item:
    """Validate an item; then drop repeated tags, each of which was judged at its own place."""
    item.validate()
    if not item.tags:
        return item
    tags = tuple(dict.fromkeys(item.tags))
    return item if len(tags) == len(item.tags) else replace(item, tags=tags)


def sku_key(sku: str) -> str:
    """Return the form of a SKU that is unique within a business: trimmed, NFC, casefolded."""
    return caseless(sku)


_NORMALISE: Final[dict[str, Callable[[Any], Any]]] = {
    "sku": trimmed,
    "unit": trimmed,
    "tags": lambda tags: tuple(tags or ()),
    "attributes": lambda attributes: attributes or {},
}


def _normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they are kept."""
    kept = dict(given)
    for name, normalise in _NORMALISE.items():
        if name in kept:
            kept[name] = normalise(kept[name])
    return kept
