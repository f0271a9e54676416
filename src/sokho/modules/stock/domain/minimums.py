"""Minimum stock (tồn tối thiểu): what should be at a location, and postings that cross it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.events import Event
from sokho.modules.stock.domain.entities import Balance, Move, Side
from sokho.modules.stock.domain.posting import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """How much of an item should be at a location at least, in the item's own unit."""

    item_id: UUID
    location_id: UUID
    minimum: Decimal


def crossings(
    transaction_id: UUID, moves: Sequence[Move], before: Mapping[UUID, Balance]
) -> Iterator[Event]:
    """Yield what a posting leaves below a minimum, and what it brings back to one.

    One event for each direction, however many lines. What counts is what was there before the
    document and is behind it, not what its lines leave on the way; and what is on hand, not what
    is available: a promise takes nothing off the shelf.
    """
    fallen: list[dict[str, object]] = []
    risen: list[dict[str, object]] = []
    for id, (item_id, last) in _last_of(moves).items():
        was = before[id]
        assert last.after is not None
        now = replace(was, on_hand=last.after)
        if was.is_below_minimum == now.is_below_minimum:
            continue
        (fallen if now.is_below_minimum else risen).append(
            {
                "item_id": item_id,
                "location_id": last.location_id,
                "minimum": None if was.minimum is None else plain(was.minimum),
                "before": plain(was.on_hand),
                "after": plain(now.on_hand),
            }
        )
    if fallen:
        yield Event("stock.fell_below_minimum", str(transaction_id), {"levels": fallen})
    if risen:
        yield Event("stock.rose_to_minimum", str(transaction_id), {"levels": risen})


def _last_of(moves: Sequence[Move]) -> dict[UUID, tuple[UUID, Side]]:
    """Return of each place its item and how the last of the moves left it."""
    last: dict[UUID, tuple[UUID, Side]] = {}
    for move in moves:
        for side in (move.source, move.target):
            if side.seq is None:
                continue
            known = last.get(side.account_id)
            if known is None or (known[1].seq or 0) < side.seq:
                last[side.account_id] = move.item_id, side
    return last
