"""What is asked of the model of the ledger, and what becomes of it: moves, legs, or a refusal."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

LIMIT: Final = Decimal("1e14")

Row = dict[str, Any]


class Account(NamedTuple):
    """An item at a place, by their ids."""

    item: str
    place: str


@dataclass(frozen=True)
class Item:
    """An item of the model: how many of its own unit each unit is, and each unit's decimals."""

    id: str
    sku: str
    unit: str
    units: dict[str, tuple[Fraction, int]]


@dataclass(frozen=True)
class Line:
    """A line as it is asked for."""

    item: str
    quantity: str
    unit: str | None
    source: str | None
    target: str | None

    def body(self) -> Row:
        """Return it as it is sent."""
        sent = {"item_id": self.item, "quantity": self.quantity, "unit": self.unit}
        sent |= {"from_location_id": self.source, "to_location_id": self.target}
        return {name: value for name, value in sent.items() if value is not None}


@dataclass(frozen=True)
class Order:
    """A document as it is asked for."""

    type: str
    lines: tuple[Line, ...]
    more: Row = field(default_factory=dict)
    """Its other fields, as they are sent."""

    def body(self) -> Row:
        """Return it as it is sent."""
        return {"type": self.type, "lines": [line.body() for line in self.lines]} | self.more


@dataclass(frozen=True)
class Refusal(Exception):  # noqa: N818 - a right answer
    """What a request is refused with; the faults as pairs of pointer and code, or whole."""

    status: int
    code: str
    faults: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Move:
    """What a line does, in the item's own unit."""

    line: Line
    quantity: Decimal


@dataclass(frozen=True)
class Leg:
    """One end of a posted move, at a place."""

    account: Account
    change: Decimal
    document: Row
    line_no: int
    other: str | None


def plain(quantity: Decimal | int) -> str:
    """Return a quantity as it is shown: no exponent, no zeros behind the last decimal."""
    text = f"{Decimal(quantity):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ends(move: Move) -> Iterator[tuple[Account, Decimal, str | None]]:
    """Yield what a move does at a place: the account, the change, and the other place."""
    line = move.line
    if line.source is not None:
        yield Account(line.item, line.source), -move.quantity, line.target
    if line.target is not None:
        yield Account(line.item, line.target), move.quantity, line.source
