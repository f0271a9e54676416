"""What the ledger has to do, as plainly as Python can say it: sums over a list of legs.

Nothing here is shared with the service, not even how a sum is kept: every balance is added up anew.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

from tests.reliability.orders import (
    LIMIT,
    Account,
    Item,
    Leg,
    Line,
    Move,
    Order,
    Refusal,
    Row,
    ends,
    plain,
)

TIME_ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
PREFIXES: Final = {"receipt": "PN", "issue": "PX", "transfer": "CK", "adjustment": "DC"}


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
    promises: dict[str, list[Move]] = field(default_factory=dict)
    """What reservations that are open hold, by their ids."""
    ended: set[str] = field(default_factory=set)
    """The ids of the other reservations."""
    locked_before: str | None = None
    """Before which no document may be dated; and how often that was changed."""
    lock_version: int = 0

    def at(self, account: Account) -> list[Leg]:
        """Return the legs of an item at a place, in the order of their numbers."""
        return [leg for leg in self.legs if leg.account == account]

    def reserved(self, account: Account) -> Decimal | int:
        """Return how much of an item at a place is promised."""
        promised = (move for moves in self.promises.values() for move in moves)
        return sum(move.quantity for move in promised for at, *_ in ends(move) if at == account)

    def post(self, order: Order) -> list[Row]:
        """Return the lines that the answer has to show; raises `Refusal` where goods are short."""
        return self._lines(order.type, [*self._moves(order)], backwards=False)

    def reserve(self, order: Order) -> list[Row]:
        """Return the lines of the reservation of what an issue would take; raises `Refusal`."""
        names = ("line_no", "item_id", "sku", "quantity", "unit", "base_quantity")
        return [
            {name: line[name] for name in names} | {"location_id": line["from_location_id"]}
            for line in self.post(order)
        ]

    def open_promise(self, id: str) -> list[Move]:
        """Return what an open reservation holds; raises `Refusal`."""
        if id in self.ended:
            raise Refusal(409, "reservation_closed")
        if id not in self.promises:
            raise Refusal(404, "not_found")
        return self.promises[id]

    def end_promise(self, id: str) -> None:
        """Let go of what a reservation holds."""
        del self.promises[id]
        self.ended.add(id)

    def promise(self, id: str, order: Order) -> None:
        """Take in a reservation."""
        self.promises[id] = [*self._moves(order)]

    def reverse(self, id: str) -> list[Row]:
        """Return the lines of the reversal; raises `Refusal`."""
        if id not in self.documents:
            raise Refusal(404, "not_found")
        if self.documents[id]["reverses_id"] is not None:
            raise Refusal(409, "cannot_reverse_reversal")
        if self.documents[id]["reversed_by_id"] is not None:
            raise Refusal(409, "already_reversed")
        return self._lines(self.documents[id]["type"], self._turned(id), backwards=True)

    def refuse_short_later(self, order: Order) -> None:
        """Raise `Refusal` where a document of the past would leave less than nothing at a date."""
        at, moves = datetime.fromisoformat(order.more["effective_at"]), [*self._moves(order)]
        taken = {account for move in moves for account, change, _ in ends(move) if change < 0}
        available: dict[Account, Decimal | int] = {}
        for account in taken:
            dated = [(_time(leg, "effective_at"), leg.change) for leg in self.at(account)]
            changes = [
                change for move in moves for each, change, _ in ends(move) if each == account
            ]
            dated += [(at, change) for change in changes]
            dated.sort(key=lambda each: each[0])  # equal dates stay in the order of their numbers
            balances = zip(dated, accumulate(change for _, change in dated), strict=True)
            lowest = min(balance for (when, _), balance in balances if when >= at)
            if lowest < 0:
                asked = -sum(change for change in changes if change < 0)
                available[account] = max(asked + lowest, Decimal(0))
        if available:
            raise Refusal(409, "insufficient_stock", (*_shortages(moves, {*available}, available),))

    def keep(self, answer: Row, order: Order | str) -> None:
        """Take in what was posted: an order, or the reversal of the document with an id."""
        moves = [*self._moves(order)] if isinstance(order, Order) else self._turned(order)
        if isinstance(order, str):
            self.documents[order]["reversed_by_id"] = answer["id"]
        self.documents[answer["id"]] = answer
        self.moves[answer["id"]] = moves
        numbered = [*enumerate(moves, start=1)]
        for line_no, move in reversed(numbered) if isinstance(order, str) else numbered:
            for account, change, other in ends(move):
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
            there, reserved = sum(leg.change for leg in legs), self.reserved(account)
            rows.append(
                {
                    "item_id": account[0],
                    "sku": self.items[account[0]].sku,
                    "location_id": account[1],
                    "on_hand": plain(there),
                    "reserved": plain(reserved) if until is None else None,
                    "available": plain(there - reserved) if until is None else None,
                    "minimum": None,
                    "seq": None if until is not None and by == "effective_at" else len(legs),
                }
            )
        return rows

    def card(self, account: Account, by: str) -> list[Row]:
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

    def _lines(self, type: str, moves: Sequence[Move], *, backwards: bool) -> list[Row]:
        """Return the lines of an answer, or refuse what is short or too much."""
        before = {account: self.at(account) for move in moves for account, *_ in ends(move)}
        there = {account: sum(leg.change for leg in legs) for account, legs in before.items()}
        promised = {account: self.reserved(account) for account in before}
        available = {account: there[account] - promised[account] for account in before}
        seqs = {account: len(legs) for account, legs in before.items()}
        lines: dict[int, Row] = {}
        short, missing, excess = set(), False, []
        numbered = [*enumerate(moves, start=1)]
        for line_no, move in reversed(numbered) if backwards else numbered:
            line, item = move.line, self.items[move.line.item]
            shown: Row = {"line_no": line_no, "item_id": line.item, "sku": item.sku}
            shown |= {"quantity": plain(Decimal(line.quantity)), "unit": line.unit or item.unit}
            shown |= {"base_quantity": plain(move.quantity)}
            for side, place in (("from", line.source), ("to", line.target)):
                shown |= {f"{side}_location_id": place, f"{side}_seq": None, f"{side}_after": None}
            for account, change, _ in ends(move):
                side = "from" if change < 0 else "to"
                there[account] += change
                seqs[account] += 1
                shown[f"{side}_seq"], shown[f"{side}_after"] = seqs[account], plain(there[account])
                if change < 0 and there[account] < promised[account]:
                    short.add(account)
                    missing = missing or there[account] < 0
                if there[account] >= LIMIT and change > 0:
                    excess.append((f"/lines/{line_no - 1}/quantity", "quantity_out_of_range"))
            lines[line_no] = shown
        if short:
            code = "insufficient_stock" if missing or type != "adjustment" else "stock_reserved"
            raise Refusal(409, code, (*_shortages(moves, short, available),))
        if excess:
            raise Refusal(422, "quantity_out_of_range", (*sorted(excess),))
        return [lines[line_no] for line_no in sorted(lines)]


def _shortages(
    moves: Sequence[Move],
    short: set[Account],
    available: Mapping[Account, Decimal | int],
) -> Iterator[tuple[object, ...]]:
    for number, move in enumerate(moves):
        line = move.line
        if line.source is None or (account := Account(line.item, line.source)) not in short:
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
