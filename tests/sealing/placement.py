"""What is sent in each place: the registry of names that refer to something, or say anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.modules.stock.domain.documents import Reason, TransactionType
from tests.sealing.document import Operation, Slot
from tests.sealing.parties import Party

Source: TypeAlias = Callable[[Party], object]


class CannotPlace(Exception):  # noqa: N818  it is a sentence with its message
    """Nothing tells what to send in a place of an operation."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(
            f"{slot.operation}: nothing says what to send as {slot}. If it can name a row or is "
            f'free text, add ("{slot.where}", "{slot.name}") to REGISTRY in '
            "tests/sealing/placement.py"
        )


@dataclass(frozen=True)
class Telling:
    """A value by which one business could touch or learn of another's rows.

    `of` returns the value that stands in a business's rows; for nobody one that stands in none.
    `own` is what a business sends itself, where that differs: a code has to be new in a POST.
    """

    of: Source
    own: Source
    is_needed: bool = False
    """Whether a call fails without it, though the document calls it optional."""

    instead_of: str = ""
    """What is needed otherwise: the two exclude each other."""

    beside: str = ""


@dataclass(frozen=True)
class Plain:
    """Values that say nothing of anybody: a number within bounds, one of a few words."""

    values: tuple[object, ...]
    is_needed: bool = False
    instead_of: str = ""
    beside: str = ""
    """What has to come along, where that is optional by itself."""

    def own(self, _: Party) -> object:
        """Return one of them, for a call that is about something else."""
        return self.values[0]


def _known(of: Source) -> Telling:
    """Place a reference: everybody sends what is stored."""
    return Telling(of, own=of)


def _text(name: str, field: str | None = None) -> Telling:
    """Place what a business may choose: it sends itself what is not stored yet."""
    return Telling(lambda party: party.text(field or name), own=lambda party: party.new(name))


# By the place and the name; where that is another's name, too, by the whole way into a body, or
# with the resource, the first segment of the path, before the place.
REGISTRY: Final[Mapping[tuple[str, str], Telling | Plain]] = {
    ("path", "tenant_id"): _known(lambda party: party.tenant_id),
    ("path", "key_id"): _known(lambda party: party.key_id),
    ("path", "item_id"): _known(lambda party: party.item_id),
    ("path", "location_id"): _known(lambda party: party.location_id),
    ("path", "transaction_id"): _known(lambda party: party.transaction_id),
    ("path", "count_id"): _known(lambda party: party.count_id),
    ("path", "reservation_id"): _known(lambda party: party.reservation_id),
    ("stock path", "item_id"): _known(lambda party: party.kept_item_id),
    ("stock path", "location_id"): _known(lambda party: party.shelf_id),
    ("path", "unit"): _known(lambda party: party.text("case")),
    ("path", "code"): _known(lambda party: party.text("unit")),
    ("query", "cursor"): _known(lambda party: party.cursor),
    ("query", "sku"): _known(lambda party: party.text("sku")),
    ("query", "barcode"): _known(lambda party: party.text("barcode")),
    ("query", "code"): _known(lambda party: party.text("unit")),
    ("query", "parent_id"): _known(lambda party: party.warehouse_id),
    ("stock query", "sku"): _known(lambda party: party.text("othersku")),
    ("query", "item_id"): _known(lambda party: party.kept_item_id),
    ("query", "location_id"): _known(lambda party: party.shelf_id),
    ("query", "include_children"): Plain((True, False), beside="location_id"),
    ("query", "document_no"): _known(lambda party: party.text("documentno")),
    ("query", "external_ref"): _known(lambda party: party.text("ref")),
    ("query", "tag"): _known(lambda party: party.text("tag")),
    ("query", "resource_id"): _known(lambda party: party.item_id),
    ("query", "actor"): _known(lambda party: party.actor),
    ("query", "type"): Plain(("item.created", "api_key.created", "tenant.opened")),
    ("header", "if-match"): replace(_known(lambda party: party.etag), is_needed=True),
    ("header", "if-none-match"): _known(lambda party: party.etag),
    ("header", "idempotency-key"): _text("key"),
    ("header", "sokho-actor"): _text("actor"),
    ("body", "sku"): _text("sku"),
    ("body", "name"): _text("name"),
    ("body", "description"): _text("description"),
    ("body", "unit"): _known(lambda party: party.text("unit")),
    ("body", "code"): _text("code", "unit"),
    # A bin needs a parent. Another's is a bin as well: whoever sees it says that a warehouse does
    # not fit there.
    ("body", "parent_id"): Telling(
        of=lambda party: party.location_id,
        own=lambda party: party.warehouse_id,
        is_needed=True,
    ),
    ("body", "barcode"): _text("barcode"),
    ("body", "tags"): _text("tag"),
    ("body", "attributes"): Telling(
        of=lambda party: {party.text("attribute"): party.text("value")},
        own=lambda party: {party.new("attribute"): [party.new("value"), 1, None]},
    ),
    ("body", "settings"): Telling(
        of=lambda party: {party.text("setting"): party.text("value")},
        own=lambda party: {party.new("setting"): [party.new("value"), 1, None]},
    ),
    ("body", "locale"): Plain(("en", "vi-VN")),
    ("body", "time_zone"): Plain(("Asia/Bangkok", "UTC")),
    ("body", "scopes"): Plain(tuple(Scope), is_needed=True),
    ("body", "role"): Plain(tuple(Role), instead_of="scopes"),
    ("body", "expires_at"): Plain(("2999-12-31T12:00:00Z",)),
    # An adjustment, whose line has one place: the one that it goes to, or the one that it leaves.
    ("body", "type"): Plain((TransactionType.ADJUSTMENT,)),
    ("body", "reason"): Plain(tuple(Reason), is_needed=True),
    ("body", "document_no"): _text("documentno"),
    ("body", "external_ref"): _text("ref"),
    ("body", "note"): _text("note"),
    ("body", "quantity"): Plain(("1",)),
    ("body", "minimum"): Plain(("1",)),
    ("body", "line_no"): Plain((1,)),
    ("body", "lines/0/location_id"): replace(_known(lambda party: party.shelf_id), is_needed=True),
    ("body", "item_id"): replace(_known(lambda party: party.kept_item_id), is_needed=True),
    ("body", "lines/0/sku"): replace(
        _known(lambda party: party.text("othersku")), instead_of="item_id"
    ),
    ("body", "lines/0/unit"): _known(lambda party: party.text("case")),
    ("body", "to_location_id"): replace(_known(lambda party: party.shelf_id), is_needed=True),
    ("body", "from_location_id"): replace(
        _known(lambda party: party.shelf_id), instead_of="to_location_id"
    ),
    # Of the warehouse a stocktake is open already, as of the shelf.
    ("body", "location_id"): _known(lambda party: party.location_id),
    ("body", "lines/0/barcode"): replace(
        _known(lambda party: party.text("barcode")), instead_of="item_id"
    ),
    ("body", "version"): _known(lambda party: party.version),
    # A row of a batch changes an item of the business, and makes one of any other SKU.
    ("body", "items/0/sku"): _known(lambda party: party.text("sku")),
    ("body", "items/0/name"): replace(_text("name"), is_needed=True),
}

# What means something else elsewhere: the resources, by their first segment, for which the
# registry speaks. Another one's `code` has to be told apart by the whole way, or added here.
MEANT_FOR: Final[Mapping[tuple[str, str], set[str]]] = {
    ("path", "code"): {"units"},
    ("path", "unit"): {"items"},
    ("query", "type"): {"audit-events"},
    ("query", "code"): {"locations"},
    ("body", "code"): {"units", "locations"},
    ("body", "name"): {"items", "units", "locations", "tenant", "api-keys", "admin"},
    ("body", "description"): {"items"},
    ("body", "unit"): {"items", "stock"},
    ("body", "type"): {"stock"},
}

# The operator's operations, told by the document, are for no business: whatever ids one sends
# there, it is refused. With the operator's key they may concern any business that the path names,
# and these show all of them at once:
SHOW_EVERY_BUSINESS: Final = {"GET /v1/admin/tenants"}


Place: TypeAlias = Telling | Plain


def places_of(operation: Operation) -> dict[Slot, Place]:
    """Return what is sent in each place of an operation.

    As the registry says, else what the schema allows; raises `CannotPlace` for what neither
    knows.
    """
    return {slot: _place(slot) for slot in operation.slots}


def _place(slot: Slot) -> Place:
    whole, name = "/".join(map(str, slot.path)), slot.name
    if slot.where == "header":
        name = name.lower()
    telling = (
        REGISTRY.get((f"{slot.resource} {slot.where}", name))
        or REGISTRY.get((slot.where, whole))
        or REGISTRY.get((slot.where, name))
    )
    if telling is not None and slot.resource in MEANT_FOR.get((slot.where, name), {slot.resource}):
        return telling
    if not (values := _plain_values(slot)):
        raise CannotPlace(slot)
    return Plain(values)


def _plain_values(slot: Slot) -> tuple[object, ...]:
    """Return what the schema alone allows, if that is little; its bounds, of a range."""
    schema = slot.schema
    if "enum" in schema:
        return tuple(schema["enum"])
    if "const" in schema:
        return (schema["const"],)
    if schema.get("type") == "boolean":
        return True, False
    if schema.get("format") == "date-time":
        return ("2020-02-29T12:00:00Z",)
    if schema.get("type") == "integer" and not slot.name.endswith("id"):
        return _bounds(schema)
    return ()


def _bounds(schema: Mapping[str, float]) -> tuple[int, ...]:
    """Return the ends of a range; none, for what lacks a bound: it may name a row."""
    bounds = []
    if (least := schema.get("minimum")) is not None:
        bounds.append(least)
    elif (below := schema.get("exclusiveMinimum")) is not None:
        bounds.append(below + 1)
    if (most := schema.get("maximum")) is not None:
        bounds.append(most)
    elif (above := schema.get("exclusiveMaximum")) is not None:
        bounds.append(above - 1)
    return tuple(map(int, bounds)) if len(bounds) == len(("least", "most")) else ()
