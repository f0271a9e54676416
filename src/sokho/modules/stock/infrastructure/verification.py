"""The check of the ledger in PostgreSQL: in pages, for ten million moves as for ten."""

import hmac
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple
from uuid import UUID

from sokho.core.infrastructure.database import Row, Statement, Transaction
from sokho.modules.stock.domain.backdating import month_of
from sokho.modules.stock.domain.repository import Month
from sokho.modules.stock.domain.verification import LedgerCheck, LedgerFault, LedgerFinding
from sokho.modules.stock.infrastructure.backdating_statements import DIFFERING, MONTHS
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.stock.infrastructure.verification_statements import (
    CHAINS,
    LATE,
    TRANSACTIONS_OF_RANGES,
    documents_statement,
    faulty_moves_statement,
    heads_statement,
)

_MOVES_AT_ONCE: Final = 5_000
_DOCUMENTS_AT_ONCE: Final = 200
_MONTHS_AT_ONCE: Final = 12
_RANGES_AT_ONCE: Final = 4
_FIRST_INSTANT: Final = datetime(1, 1, 1, tzinfo=UTC)
_BEFORE_ALL: Final = UUID(int=0)
_BEHIND_ALL: Final = UUID(int=2**128 - 1)
_LOWEST: Final = -(2**62)  # a forged move may have any number


class _Range(NamedTuple):
    """Numbers of the moves of one place, from `first` to `last`."""

    account_id: UUID
    first: int
    last: int


class PostgresLedgerCheck(LedgerCheck):
    """Looks through the ledger of the tenant that `transaction` is bound to.

    Each page is read on a snapshot of its own, and what was posted before it never changes: so
    a place is followed to the number that it had when its balance was read.
    """

    def __init__(self, transaction: Transaction, seal: Seal) -> None:
        self._tx = transaction
        self._seal = seal
        self._repo = PostgresStockRepo(transaction, seal)
        self._most: int | None = None
        self._looked_at = 0

    async def findings(
        self, item_id: UUID | None = None, *, most_moves: int | None = None
    ) -> AsyncIterator[LedgerFinding]:
        self._most = most_moves
        of_item = item_id is not None
        values = {"item_id": item_id} if of_item else {}
        async for heads in self._pages(heads_statement(of_item=of_item), **values):
            for head in heads:
                for fault in _faults_of_head(head):
                    yield LedgerFinding(fault, str(head["id"]))
                if head["stray_late"] is not None:
                    yield _late_finding(head["id"], head["stray_late"])
            places = [head for head in heads if head["is_place"] and head["seq"] is not None]
            async for finding in self._faults_of_places(places, of_item=of_item):
                yield finding
            if self.is_cut:
                return
        if not of_item:
            async for finding in self._faults_of_all_documents():
                yield finding

    async def _faults_of_places(
        self, places: Sequence[Row], *, of_item: bool
    ) -> AsyncIterator[LedgerFinding]:
        sums = dict.fromkeys((place["id"] for place in places), Decimal(0))
        for ranges in _ranges(places):
            if self._is_spent():
                return
            async for finding in self._faults_of_chains(ranges, sums):
                yield finding
            if of_item:
                async for finding in self._faults_of_ranges(ranges):
                    yield finding
        for batch in await self._months(places):
            for row in await self._tx.fetch_all(DIFFERING, **_months_of(batch)):
                yield LedgerFinding(LedgerFault.MONTH_DIFFERS, str(row["account_id"]))
        for place in places:
            if place["on_hand"] != sums[place["id"]]:
                yield LedgerFinding(LedgerFault.BALANCE_DIFFERS, str(place["id"]))

    async def _months(self, places: Sequence[Row]) -> list[list[Month]]:
        """Return the time before the latest month of each place, in ranges of some months."""
        latest = {
            place["id"]: month_of(place["id"], place["effective_at"]).starts_at
            for place in places
            if place["effective_at"] is not None
        }
        begins: dict[UUID, list[datetime]] = {id: [] for id in latest}
        for row in await self._tx.fetch_all(MONTHS, account_ids=[*latest]):
            if row["starts_at"] < latest[row["account_id"]]:
                begins[row["account_id"]].append(row["starts_at"])
        ranges: list[Month] = []
        for id, ends_at in latest.items():
            bounds = [_FIRST_INSTANT, *begins[id][_MONTHS_AT_ONCE::_MONTHS_AT_ONCE], ends_at]
            ranges += [Month(id, *bound) for bound in pairwise(bounds)]
        return [ranges[n : n + _RANGES_AT_ONCE] for n in range(0, len(ranges), _RANGES_AT_ONCE)]

    async def _pages(self, statement: Statement, **values: Any) -> AsyncIterator[Sequence[Row]]:
        behind = _BEFORE_ALL
        while rows := await self._tx.fetch_all(statement, behind=behind, **values):
            yield rows
            behind = rows[-1]["id"]

    async def _faults_of_chains(
        self, ranges: Sequence[_Range], sums: dict[UUID, Decimal]
    ) -> AsyncIterator[LedgerFinding]:
        for row in await self._tx.fetch_all(CHAINS, **_columns(ranges)):
            self.moves += row["moves"]
            self._looked_at += row["moves"]
            sums[row["account_id"]] += row["change"]
            for line in row["breaks"] or ():
                yield LedgerFinding(LedgerFault.SEQUENCE_BROKEN, line)
        for row in await self._tx.fetch_all(LATE, **_columns(ranges)):
            yield _late_finding(row["account_id"], row["seq"])

    async def _faults_of_ranges(self, ranges: Sequence[_Range]) -> AsyncIterator[LedgerFinding]:
        rows = await self._tx.fetch_all(TRANSACTIONS_OF_RANGES, **_columns(ranges))
        ids = [row["transaction_id"] for row in rows]
        for start in range(0, len(ids), _DOCUMENTS_AT_ONCE):
            page = ids[start : start + _DOCUMENTS_AT_ONCE]
            for row in await self._tx.fetch_all(faulty_moves_statement(by_ids=True), ids=page):
                for finding in _faults_of_move(row):
                    yield finding
            found = await self._tx.fetch_all(documents_statement(by_ids=True), ids=page)
            async for finding in self._faults_of_documents(found):
                yield finding

    async def _faults_of_all_documents(self) -> AsyncIterator[LedgerFinding]:
        behind = _BEFORE_ALL
        async for page in self._pages(documents_statement(by_ids=False)):
            async for finding in self._faults_of_moves(behind, page[-1]["id"]):
                yield finding
            async for finding in self._faults_of_documents(page):
                yield finding
            behind = page[-1]["id"]
        async for finding in self._faults_of_moves(behind, _BEHIND_ALL):
            yield finding

    async def _faults_of_moves(self, behind: UUID, until: UUID) -> AsyncIterator[LedgerFinding]:
        statement = faulty_moves_statement(by_ids=False)
        for row in await self._tx.fetch_all(statement, behind=behind, until=until):
            for finding in _faults_of_move(row):
                yield finding

    async def _faults_of_documents(self, rows: Sequence[Row]) -> AsyncIterator[LedgerFinding]:
        for few in _few(rows):
            if self._is_spent():
                return
            self._looked_at += sum(row["line_count"] for row in few)
            for row, digest in zip(few, await self._digests(few), strict=True):
                id = str(row["id"])
                if row["digest_key_id"] != self._seal.key_id:
                    yield LedgerFinding(LedgerFault.DOCUMENT_OF_OTHER_SECRET, id)
                elif digest is None or not hmac.compare_digest(digest, row["digest"]):
                    yield LedgerFinding(LedgerFault.DOCUMENT_CHANGED, id)
                if row["has_twin"]:
                    yield LedgerFinding(LedgerFault.REQUEST_REPEATED, id)
                if row["is_in_locked_period"]:
                    yield LedgerFinding(LedgerFault.POSTED_INTO_LOCKED_PERIOD, id)

    def _is_spent(self) -> bool:
        self.is_cut = self._most is not None and self._looked_at >= self._most
        return self.is_cut

    async def _digests(self, rows: Sequence[Row]) -> list[bytes | None]:
        """Return the digest that each document has to have, None where it is none any more."""
        try:
            posted = await self._repo.with_moves(rows)
            return [self._seal.digest(self._tx.tenant_id, document) for document in posted]
        except (ValueError, TypeError, ArithmeticError):  # of a type, say, that does not exist
            if len(rows) == 1:
                return [None]
            return [digest for row in rows for digest in await self._digests([row])]


def _late_finding(account_id: UUID, seq: int) -> LedgerFinding:
    return LedgerFinding(LedgerFault.LATE_LEG_DIFFERS, f"{account_id}/{seq}")


def _faults_of_head(head: Row) -> Iterator[LedgerFault]:
    if not head["is_place"]:
        if head["on_hand"] is not None:
            yield LedgerFault.BALANCE_UNEXPECTED
        return
    if head["on_hand"] is None:
        yield LedgerFault.BALANCE_MISSING
        return
    if not head["covers"]:
        yield LedgerFault.RESERVED_OUT_OF_RANGE
    if head["seq"] != head["last_seq"]:
        yield LedgerFault.LAST_NUMBER_DIFFERS
    if head["effective_at"] != head["last_date"]:
        yield LedgerFault.LAST_DATE_DIFFERS
    if head["has_later_month"]:
        yield LedgerFault.MONTH_DIFFERS
    if not head["is_promised"]:
        yield LedgerFault.RESERVED_DIFFERS


def _faults_of_move(row: Row) -> Iterator[LedgerFinding]:
    faults = {
        "is_sound": LedgerFault.MOVE_INVALID,
        "is_posted": LedgerFault.DOCUMENT_MISSING,
        "is_dated": LedgerFault.MOVE_DATES_DIFFER,
    }
    for name, fault in faults.items():
        if row[name] is False:
            yield LedgerFinding(fault, f"{row['transaction_id']}/{row['line_no']}")


def _ranges(places: Iterable[Row]) -> Iterator[list[_Range]]:
    """Yield ranges of numbers, some thousands of moves together, the newest of a place first.

    A number beyond either the balance's or the last move's was told already, and is not followed.
    """
    ranges: list[_Range] = []
    room = _MOVES_AT_ONCE
    for place in places:
        last = min(place["seq"], place["last_seq"])
        while True:
            first = max(1, last - room + 1)
            ranges.append(_Range(place["id"], first if first > 1 else _LOWEST, last))
            room -= max(0, last - first + 1)
            if room == 0:
                yield ranges
                ranges, room = [], _MOVES_AT_ONCE
            if first == 1:
                break
            last = first - 1
    if ranges:
        yield ranges


def _columns(ranges: Sequence[_Range]) -> dict[str, list[Any]]:
    account_ids, firsts, lasts = zip(*ranges, strict=True)
    return {"account_ids": list(account_ids), "firsts": list(firsts), "lasts": list(lasts)}


def _months_of(ranges: Sequence[Month]) -> dict[str, list[Any]]:
    account_ids, starts, ends = zip(*ranges, strict=True)
    return {"account_ids": [*account_ids], "starts": [*starts], "ends": [*ends]}


def _few(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield rows together whose lines are some thousands at most."""
    few: list[Row] = []
    lines = 0
    for row in rows:
        if few and lines + row["line_count"] > _MOVES_AT_ONCE:
            yield few
            few, lines = [], 0
        few.append(row)
        lines += row["line_count"]
    if few:
        yield few
