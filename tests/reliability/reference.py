"""What the ledger has to do, as plainly as Python can say it: sums over a list of legs.

Nothing here is shared with the service, not even how a sum is kept: every balance is added up anew.
What a new kind of rule refuses is one more function in `_RULES`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

LIMIT: Final = Decimal("1e14")
TIME_ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
PREFIXES: Final = {"receipt": "PN", "issue": "PX", "transfer": "CK", "adjustment": "DC"}

_OWN_CODE: Final = {
    *("quantity_precision", "quantity_out_of_range", "effective_at_in_future", "same_account"),
    *("unknown_item", "unknown_location"),
}
"""Codes that a problem has itself where all its faults have them."""

Row = dict[str, Any]


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

    account: tuple[str, str]
    change: Decimal
    document: Row
    line_no: int
    other: str | None


@dataclass
class Books:
    """One business."""

    items: dict[str, Item]
    places: list[str]
    legs: list[Leg] = field(default_factory=list)
    documents: dict[str, Row] = field(default_factory=dict)
    moves: dict[str, list[Move]] = field(default_factory=dict)
    last: Counter[tuple[str, int]] = field(default_factory=Counter)
    """The last number that was given, by type and year."""

    def at(self, account: tuple[str, str]) -> list[Leg]:
        """Return the legs of an item at a place, in the order of their numbers."""
        return [leg for leg in self.legs if leg.account == account]

    def post(self, order: Order) -> list[Row]:
        """Return the lines that the answer has to show; raises `Refusal`."""
        for rule in _RULES:
            rule(self, order)
        return self._lines([*self._moves(order)], backwards=False)

    def reverse(self, id: str) -> list[Row]:
        """Return the lines of the reversal; raises `Refusal`."""
        if id not in self.documents:
            raise Refusal(404, "not_found")
        if self.documents[id]["reverses_id"] is not None:
            raise Refusal(409, "cannot_reverse_reversal")
        if self.documents[id]["reversed_by_id"] is not None:
            raise Refusal(409, "already_reversed")
        return self._lines(self._turned(id), backwards=True)

    def keep(self, answer: Row, order: Order | str) -> None:
        """Take in what was posted: an order, or the reversal of the document with an id."""
        moves = [*self._moves(order)] if isinstance(order, Order) else self._turned(order)
        if isinstance(order, str):
            self.documents[order]["reversed_by_id"] = answer["id"]
        self.documents[answer["id"]] = answer
        self.moves[answer["id"]] = moves
        numbered = [*enumerate(moves, start=1)]
        for line_no, move in reversed(numbered) if isinstance(order, str) else numbered:
            for account, change, other in _ends(move):
                self.legs.append(Leg(account, change, answer, line_no, other))

    def number(self, type: str, effective_at: str) -> str:
        """Return the number that a document gets now, and count it."""
        key = (type, datetime.fromisoformat(effective_at).astimezone(TIME_ZONE).year)
        taken = {each["document_no"] for each in self.documents.values() if each["type"] == type}
        while True:
            self.last[key] += 1
            number = f"{PREFIXES[type]}-{key[1]}-{self.last[key]:06}"
            if number not in taken:
                return number

    def levels(self, until: datetime | None = None, by: str = "posted_at") -> list[Row]:
        """Return what the list of levels shows, now or as of a time."""
        rows = []
        for account in sorted({leg.account for leg in self.legs}):
            legs = [leg for leg in self.at(account) if until is None or _time(leg, by) <= until]
            on_hand = plain(sum(leg.change for leg in legs))
            rows.append(
                {
                    "item_id": account[0],
                    "sku": self.items[account[0]].sku,
                    "location_id": account[1],
                    "on_hand": on_hand,
                    "reserved": "0" if until is None else None,
                    "available": on_hand if until is None else None,
                    "seq": None if until is not None and by == "effective_at" else len(legs),
                }
            )
        return rows

    def card(self, account: tuple[str, str], by: str) -> list[Row]:
        """Return what the stock card of an item at a place shows, in the order of one time."""
        numbered = [*enumerate(self.at(account), start=1)]
        if by == "effective_at":
            numbered.sort(key=lambda each: (_time(each[1], by), each[0]))
        rows, balance = [], Decimal(0)
        for seq, leg in numbered:
            balance += leg.change
            shown = ("type", "document_no", "effective_at", "posted_at")
            rows.append(
                {name: leg.document[name] for name in shown}
                | {"transaction_id": leg.document["id"], "line_no": leg.line_no, "seq": seq}
                | {"other_location_id": leg.other}
                | {"quantity": plain(leg.change), "balance": plain(balance)}
            )
        return rows

    def _moves(self, order: Order) -> Iterator[Move]:
        for line in order.lines:
            item = self.items[line.item]
            factor, _ = item.units[line.unit or item.unit]
            yield Move(line, _decimal(Fraction(line.quantity) * factor))

    def _turned(self, id: str) -> list[Move]:
        """Return the moves of a document the other way round."""
        return [
            Move(
                Line(each.item, each.quantity, each.unit, source=each.target, target=each.source),
                move.quantity,
            )
            for move in self.moves[id]
            for each in (move.line,)
        ]

    def _lines(self, moves: Sequence[Move], *, backwards: bool) -> list[Row]:
        """Return the lines of an answer, or refuse what is short or too much."""
        before = {account: self.at(account) for move in moves for account, *_ in _ends(move)}
        there = {account: sum(leg.change for leg in legs) for account, legs in before.items()}
        available = dict(there)
        seqs = {account: len(legs) for account, legs in before.items()}
        lines: dict[int, Row] = {}
        short, excess = set(), []
        numbered = [*enumerate(moves, start=1)]
        for line_no, move in reversed(numbered) if backwards else numbered:
            line, item = move.line, self.items[move.line.item]
            shown: Row = {"line_no": line_no, "item_id": line.item, "sku": item.sku}
            shown |= {"quantity": plain(Decimal(line.quantity)), "unit": line.unit or item.unit}
            shown |= {"base_quantity": plain(move.quantity)}
            for side, place in (("from", line.source), ("to", line.target)):
                shown |= {f"{side}_location_id": place, f"{side}_seq": None, f"{side}_after": None}
            for account, change, _ in _ends(move):
                side = "from" if change < 0 else "to"
                there[account] += change
                seqs[account] += 1
                shown[f"{side}_seq"], shown[f"{side}_after"] = seqs[account], plain(there[account])
                if there[account] < 0:
                    short.add(account)
                if there[account] >= LIMIT and change > 0:
                    excess.append((f"/lines/{line_no - 1}/quantity", "quantity_out_of_range"))
            lines[line_no] = shown
        if short:
            raise Refusal(409, "insufficient_stock", (*_shortages(moves, short, available),))
        if excess:
            raise Refusal(422, "quantity_out_of_range", (*sorted(excess),))
        return [lines[line_no] for line_no in sorted(lines)]


def plain(quantity: Decimal | int) -> str:
    """Return a quantity as it is shown: no exponent, no zeros behind the last decimal."""
    text = f"{Decimal(quantity):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ends(move: Move) -> Iterator[tuple[tuple[str, str], Decimal, str | None]]:
    """Yield what a move does at a place: the account, the change, and the other place."""
    line = move.line
    if line.source is not None:
        yield (line.item, line.source), -move.quantity, line.target
    if line.target is not None:
        yield (line.item, line.target), move.quantity, line.source


def _shortages(
    moves: Sequence[Move],
    short: set[tuple[str, str]],
    available: dict[tuple[str, str], Decimal | int],
) -> Iterator[tuple[object, ...]]:
    for number, move in enumerate(moves):
        if move.line.source is None or (account := (move.line.item, move.line.source)) not in short:
            continue
        asked = sum(
            each.quantity for each in moves if (each.line.item, each.line.source) == account
        )
        yield (f"/lines/{number}", *account, plain(asked), plain(available[account]))


def _time(leg: Leg, by: str) -> datetime:
    return datetime.fromisoformat(leg.document[by])


def _decimal(quantity: Fraction) -> Decimal:
    """Return an exact decimal; what has none has been refused before."""
    scaled = quantity * 10**6
    assert scaled.denominator == 1
    return Decimal(scaled.numerator).scaleb(-6)


def _finer(quantity: Fraction, decimals: int) -> bool:
    return (quantity * 10**decimals).denominator != 1


def _refuse(faults: Iterable[tuple[str, str]]) -> None:
    found = tuple(faults)
    if found:
        codes = {code for _, code in found}
        own = len(codes) == 1 and codes <= _OWN_CODE
        raise Refusal(422, codes.pop() if own else "validation_failed", found)


def _shape(_: Books, order: Order) -> None:
    _refuse(
        (f"/lines/{number}/to_location_id", "same_account")
        for number, line in enumerate(order.lines)
        if line.source is not None and line.source == line.target
    )


def _names_and_quantities(books: Books, order: Order) -> None:
    faults: list[tuple[str, str]] = []
    if "effective_at" in order.more:
        ahead = datetime.fromisoformat(order.more["effective_at"]) - datetime.now(UTC)
        if ahead > timedelta(minutes=5):
            faults.append(("/effective_at", "effective_at_in_future"))
    for number, line in enumerate(order.lines):
        faults += ((f"/lines/{number}{field}", code) for field, code in _of_line(books, line))
    _refuse(faults)


def _of_line(books: Books, line: Line) -> Iterator[tuple[str, str]]:
    item = books.items.get(line.item)
    if item is None:
        yield "/item_id", "unknown_item"
    for name, place in (("/from_location_id", line.source), ("/to_location_id", line.target)):
        if place is not None and place not in books.places:
            yield name, "unknown_location"
    quantity = Fraction(line.quantity)
    if not 0 < quantity < LIMIT:
        yield "/quantity", "quantity_out_of_range"
    elif item is not None:
        known = item.units.get(line.unit or item.unit)
        if known is None:
            yield "/unit", "unknown_unit"
        elif _finer(quantity, known[1]) or _finer(quantity * known[0], item.units[item.unit][1]):
            yield "/quantity", "quantity_precision"
        elif quantity * known[0] >= LIMIT:
            yield "/quantity", "quantity_out_of_range"


def _enough(books: Books, order: Order) -> None:
    books._lines([*books._moves(order)], backwards=False)


def _one_reference(books: Books, order: Order) -> None:
    reference = order.more.get("external_ref")
    if reference is not None and reference in (
        each["external_ref"] for each in books.documents.values()
    ):
        raise Refusal(409, "duplicate_external_ref")


_RULES: Final[tuple[Callable[[Books, Order], None], ...]] = (
    *(_shape, _names_and_quantities, _enough, _one_reference),
)
"""What is looked at before a document is posted; the first that raises decides the answer."""
