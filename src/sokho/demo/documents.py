"""A year of stock documents for a demo business: always the same ones, up to a given day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from sokho.demo.catalogue import DemoBusiness
from sokho.modules.stock.domain.documents import Reason, TransactionType

HOME: Final = "KHO"
"""The warehouse that every business begins with: goods come in there."""

_WEEKS: Final = 52
_MOST_LINES: Final = 50
_MEASURED: Final = frozenset({"kg", "m", "m²", "lít"})
_SHARE_COUNTED: Final = 12  # one item in so many is found to differ at a stocktake


@dataclass(frozen=True, slots=True)
class DemoLine:
    """So much of an item, from and to the locations of these codes."""

    sku: str
    quantity: Decimal
    source: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class DemoDocument:
    """One document, its lines within what is there at its date."""

    type: TransactionType
    effective_at: datetime
    note: str
    lines: tuple[DemoLine, ...]
    reason: Reason | None = None


def year_of_documents(business: DemoBusiness, until: datetime) -> Iterator[DemoDocument]:
    """Yield the documents of the year before `until`, by date.

    It begins with what is there. Each week goods come in and go out, each month some are put on
    the shelves, and each quarter some are found to be more or fewer than the books say.
    """
    for document in _Year(business, until).documents():
        for start in range(0, len(document.lines), _MOST_LINES):
            few = document.lines[start : start + _MOST_LINES]
            yield replace(document, lines=few)


class _Year:
    """What is where while the year goes on."""

    def __init__(self, business: DemoBusiness, until: datetime) -> None:
        self._chance = Random(business.name)  # noqa: S311 - the same for everybody, on purpose
        self._begins = until - timedelta(weeks=_WEEKS)
        self._measured = {item.sku for item in business.items if item.unit in _MEASURED}
        self._demand = {item.sku: self._chance.randint(2, 14) for item in business.items}
        self._home = dict.fromkeys(self._demand, Decimal(0))
        shelves = [place.code for place in business.locations if place.kind == "bin"]
        self._shelves: dict[str, dict[str, Decimal]] = {code: {} for code in shelves}

    def documents(self) -> Iterator[DemoDocument]:
        yield self._opening()
        for week in range(_WEEKS):
            yield self._receipt(week)
            if week % 4 == 1:
                yield self._transfer(week)
            yield self._issue(week)
            if week % 13 == 0:
                yield self._count(week)

    def _opening(self) -> DemoDocument:
        lines = [self._received(sku, 4 * demand) for sku, demand in self._demand.items()]
        return DemoDocument(
            TransactionType.ADJUSTMENT, self._begins, "Tồn đầu kỳ", tuple(lines), Reason.OPENING
        )

    def _receipt(self, week: int) -> DemoDocument:
        low = [sku for sku, demand in self._demand.items() if self._home[sku] < 2 * demand]
        lines = [self._received(sku, 6 * self._demand[sku]) for sku in self._some(low, 40)]
        at = self._begins + timedelta(weeks=week, hours=8)
        return DemoDocument(TransactionType.RECEIPT, at, "Nhập hàng trong tuần", tuple(lines))

    def _issue(self, week: int) -> DemoDocument:
        lines = []
        for sku in self._some(list(self._demand), 35):
            wanted = self._quantity(sku, self._chance.randint(1, 3 * self._demand[sku]))
            for code, there in [*self._shelves.items(), (HOME, self._home)]:
                if taken := min(wanted, there.get(sku, Decimal(0))):
                    there[sku] -= taken
                    lines.append(DemoLine(sku, taken, source=code))
                    break
        at = self._begins + timedelta(weeks=week, days=4)
        return DemoDocument(TransactionType.ISSUE, at, "Xuất bán trong tuần", tuple(lines))

    def _transfer(self, week: int) -> DemoDocument:
        code = list(self._shelves)[week // 4 % len(self._shelves)]
        shelf = self._shelves[code]
        lines = []
        for sku in self._some(list(self._demand), 20):
            if moved := self._quantity(sku, int(self._home[sku]) // 3):
                self._home[sku] -= moved
                shelf[sku] = shelf.get(sku, Decimal(0)) + moved
                lines.append(DemoLine(sku, moved, HOME, code))
        at = self._begins + timedelta(weeks=week, days=2)
        return DemoDocument(TransactionType.TRANSFER, at, "Bổ sung hàng lên kệ", tuple(lines))

    def _count(self, week: int) -> DemoDocument:
        lines = []
        for sku in self._some(list(self._demand), len(self._demand) // _SHARE_COUNTED):
            if self._home[sku] >= 1 and self._chance.randrange(3):  # more is lost than is found
                self._home[sku] -= 1
                lines.append(DemoLine(sku, Decimal(1), source=HOME))
            else:
                lines.append(self._received(sku, 1))
        at = self._begins + timedelta(weeks=week, days=5)
        return DemoDocument(
            TransactionType.ADJUSTMENT, at, "Kiểm kê quý", tuple(lines), Reason.COUNT
        )

    def _received(self, sku: str, amount: int) -> DemoLine:
        quantity = self._quantity(sku, amount)
        self._home[sku] += quantity
        return DemoLine(sku, quantity, target=HOME)

    def _quantity(self, sku: str, amount: int) -> Decimal:
        """Return a whole number of what is counted; what is measured may go by quarters."""
        if amount > 1 and sku in self._measured:
            return amount - Decimal(self._chance.randrange(4)) / 4
        return Decimal(amount)

    def _some(self, skus: list[str], most: int) -> list[str]:
        return self._chance.sample(skus, min(most, len(skus)))
