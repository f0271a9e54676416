"""The check of the ledger in PostgreSQL: in pages, for ten million moves as for ten."""

import hmac
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sokho.core.infrastructure.database import Row, Transaction
from sokho.modules.stock.domain.verification import LedgerCheck, LedgerFinding
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.stock.infrastructure.verification_statements import (
    BREAKS,
    FAULTY,
    heads_statement,
    page_statement,
)

_MOVES_AT_ONCE: Final = 20_000
_NOWHERE: Final = UUID(int=0)


class PostgresLedgerCheck(LedgerCheck):
    """Looks through the ledger of the tenant that `transaction` is bound to, by reading alone."""

    def __init__(self, transaction: Transaction, seal: Seal) -> None:
        self._tx = transaction
        self._seal = seal
        self._repo = PostgresStockRepo(transaction, seal)

    async def findings(self, item_id: UUID | None = None) -> AsyncIterator[LedgerFinding]:
        item = {} if item_id is None else {"item_id": item_id}
        async for heads in self._pages(heads_statement(of_item=bool(item)), item):
            for finding in _faults_of_heads(heads):
                yield finding
            async for finding in self._breaks(heads):
                yield finding
        async for page in self._pages(page_statement(of_item=bool(item)), item):
            async for finding in self._faults_of_transactions(page):
                yield finding

    async def _pages(self, statement: Any, item: dict[str, UUID]) -> AsyncIterator[Sequence[Row]]:
        behind = _NOWHERE
        while rows := await self._tx.fetch_all(statement, behind=behind, **item):
            yield rows
            behind = rows[-1]["id"]

    async def _breaks(self, heads: Sequence[Row]) -> AsyncIterator[LedgerFinding]:
        for ranges in _ranges((head["id"], head["last_seq"]) for head in heads):
            accounts, firsts, lasts = zip(*ranges, strict=True)
            rows = await self._tx.fetch_all(
                BREAKS, account_ids=list(accounts), firsts=list(firsts), lasts=list(lasts)
            )
            for row in rows:
                invariant = "I5" if row["is_orphan"] else "I4"
                yield LedgerFinding(invariant, "stock_moves", _line(row))

    async def _faults_of_transactions(self, page: Sequence[Row]) -> AsyncIterator[LedgerFinding]:
        for row in await self._tx.fetch_all(FAULTY, ids=[row["id"] for row in page]):
            yield LedgerFinding("I1", "stock_moves", _line(row))
        posted = await self._repo.with_moves(page)
        for row, transaction in zip(page, posted, strict=True):
            digest = self._seal.digest(self._tx.tenant_id, transaction)
            if not hmac.compare_digest(digest, row["digest"]):
                yield LedgerFinding("I5", "stock_transactions", str(row["id"]))
            if row["has_twin"]:
                yield LedgerFinding("I6", "stock_transactions", str(row["id"]))


def _faults_of_heads(heads: Sequence[Row]) -> Iterator[LedgerFinding]:
    for head in heads:
        row = str(head["id"])
        if head["on_hand"] is None:
            yield LedgerFinding("I2", "stock_accounts", row)
            continue
        if head["on_hand"] != head["last_after"]:
            yield LedgerFinding("I2", "stock_balances", row)
        if not 0 <= head["reserved"] <= head["on_hand"]:
            yield LedgerFinding("I3", "stock_balances", row)
        if head["seq"] != head["last_seq"]:
            yield LedgerFinding("I4", "stock_balances", row)
        if head["reserved"] != 0:
            yield LedgerFinding("I8", "stock_balances", row)


def _ranges(accounts: Iterable[tuple[UUID, int]]) -> Iterator[list[tuple[UUID, int, int]]]:
    """Yield ranges of numbers by account, some thousands of moves together."""
    ranges: list[tuple[UUID, int, int]] = []
    room = _MOVES_AT_ONCE
    for account, last in accounts:
        first = 1
        while first <= last:
            until = min(last, first + room - 1)
            ranges.append((account, first, until))
            room -= until - first + 1
            first = until + 1
            if not room:
                yield ranges
                ranges, room = [], _MOVES_AT_ONCE
    if ranges:
        yield ranges


def _line(row: Row) -> str:
    return f"{row['transaction_id']}/{row['line_no']}"
