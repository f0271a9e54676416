"""What a document is refused for, rule by rule: a new kind of rule is one more function here."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from tests.reliability.orders import LIMIT, Line, Order, Refusal, Row
from tests.reliability.reference import Books

_OWN_CODE: Final = {
    *("quantity_precision", "quantity_out_of_range", "effective_at_in_future", "same_account"),
    *("unknown_item", "unknown_location"),
}
"""Codes that a problem has itself where all its faults have them."""


def judged(
    books: Books, order: Order, become: Callable[[Order], list[Row]] | None = None
) -> list[Row]:
    """Return the lines that an order has to become; raises `Refusal` by the first rule it breaks.

    What is short is told before what the database refuses: that two have one reference.
    """
    for rule in _BEFOREHAND:
        rule(books, order)
    lines = (become or books.post)(order)
    for rule in _WHEN_STORED:
        rule(books, order)
    return lines


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


def _open_period(books: Books, order: Order) -> None:
    if books.locked_before is None or "effective_at" not in order.more:
        return
    dated, locked = map(datetime.fromisoformat, (order.more["effective_at"], books.locked_before))
    if dated < locked:
        raise Refusal(409, "period_locked")


def _one_reference(books: Books, order: Order) -> None:
    reference = order.more.get("external_ref")
    if reference is not None and reference in (
        each["external_ref"] for each in books.documents.values()
    ):
        raise Refusal(409, "duplicate_external_ref")


def _enough_later(books: Books, order: Order) -> None:
    if "effective_at" in order.more:
        books.refuse_short_later(order)


def _finer(quantity: Fraction, decimals: int) -> bool:
    return (quantity * int(10**decimals)).denominator != 1


def _refuse(faults: Iterable[tuple[str, str]]) -> None:
    found = tuple(faults)
    if found:
        codes = {code for _, code in found}
        own = len(codes) == 1 and codes <= _OWN_CODE
        raise Refusal(422, codes.pop() if own else "validation_failed", found)


_BEFOREHAND: Final[tuple[Callable[[Books, Order], None], ...]] = (_shape, _names_and_quantities)
_WHEN_STORED: Final[tuple[Callable[[Books, Order], None], ...]] = (
    *(_open_period, _one_reference, _enough_later),
)
