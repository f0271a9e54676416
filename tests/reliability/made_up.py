"""What a business of the model has, and what Hypothesis makes up of it: lines, right and wrong."""

from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

import httpx2
from hypothesis import strategies as st

from tests.reliability.orders import Item, Line, Row
from tests.reliability.reference import Books

_UNITS: Final[dict[str, dict[str, tuple[str, int]]]] = {
    "cái": {"cái": ("1", 0), "tá": ("12", 0), "thùng": ("144", 0)},
    "kg": {"kg": ("1", 3), "g": ("1/1000", 3), "tạ": ("100", 3)},
    "lít": {"lít": ("1", 3), "chai": ("1/3", 0)},
}
"""What the items are counted in, and how much of it each of their units is, with its decimals."""

_WHOLE: Final = [*map(str, range(1, 13)), "36", "60"]
_FINE: Final = [*_WHOLE, "0.5", "2.125", "40.001"]
FAULTS: Final[dict[str, Row]] = {
    "zero": {"quantity": "0"},
    "negative": {"quantity": "-1"},
    "huge": {"quantity": "1" + "0" * 30},
    "all there can be": {"quantity": "99999999999999"},
    "too fine": {"quantity": "0.0001"},
    "another unit": {"unit": "ram"},
    "no item": {"item": "00000000-0000-4000-8000-000000000000"},
}
"""What a line may have instead of what it should have."""
THEIR_ITEM: Final = "their item"
THEIR_PLACE: Final = "their place"

INDEX: Final = st.integers(min_value=0, max_value=2**16)
"""Stands for one of however many there are."""


class Drawn(NamedTuple):
    """A line, by numbers that stand for the items, units and places that there are."""

    item: int
    unit: int
    quantity: int
    source: int
    target: int


LINES: Final = st.lists(
    st.builds(
        Drawn,
        item=INDEX,
        unit=INDEX,
        quantity=INDEX,
        source=INDEX,
        target=INDEX,
    ),
    min_size=1,
    max_size=4,
)


def line(books: Books, type: str, drawn: Drawn) -> Line:
    """Return the line of a document of a type that was drawn, with what a business has."""
    item = [*books.items.values()][drawn.item % len(books.items)]
    unit = [None, *item.units][drawn.unit % (1 + len(item.units))]
    _, decimals = item.units[unit or item.unit]
    quantities = _FINE if decimals else _WHOLE
    quantity = quantities[drawn.quantity % len(quantities)]
    source, target = (
        books.places[number % len(books.places)] for number in (drawn.source, drawn.target)
    )
    takes = type in {"issue", "transfer"} or (type == "adjustment" and drawn.source % 2)
    gives = type in {"receipt", "transfer"} or (type == "adjustment" and not drawn.source % 2)
    return Line(item.id, quantity, unit, source if takes else None, target if gives else None)


def spoilt(line: Line, fault: str | None, theirs: Books) -> Line:
    """Return a line with a fault, if any: one of `FAULTS`, or something of another business."""
    if fault == THEIR_ITEM:
        return replace(line, item=next(iter(theirs.items)))
    if fault == THEIR_PLACE:
        side = "source" if line.source is not None else "target"
        return replace(line, **{side: theirs.places[0]})
    return replace(line, **FAULTS.get(fault or "", {}))


def opened(http: httpx2.Client) -> Books:
    """Put items, units and places into the business of `http`, and into the books of the model."""

    def made(path: str, body: Row) -> str:
        answer = http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    items = {}
    for unit, units in _UNITS.items():
        sku = f"H-{unit}"
        id = made("/v1/items", {"sku": sku, "name": sku, "unit": unit})
        known = {code: (Fraction(factor), decimals) for code, (factor, decimals) in units.items()}
        for code, (factor, _) in known.items():
            if code != unit:
                ratio = {"numerator": factor.numerator, "denominator": factor.denominator}
                answer = http.put(f"/v1/items/{id}/conversions/{code}", json=ratio)
                assert answer.status_code == 201, answer.text
        items[id] = Item(id, sku, unit, known)
    places = [
        made("/v1/locations", {"code": code, "name": code, "kind": "warehouse"}) for code in "ABC"
    ]
    return Books(items, places)
