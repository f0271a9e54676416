"""What proving a large ledger takes: ``python -m benchmarks.ledger --moves 10000000``.

Builds a ledger by COPY, sealed as the service seals it, in a database of this run's own that is
gone afterwards, lets ``sokho check ledger`` prove it, and prints one JSON object of figures.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.dataset import SECRET, Dataset, filled_database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.documents import AccountKind, TransactionType
from sokho.modules.stock.domain.entities import Move, Side, StockTransaction
from sokho.modules.stock.infrastructure.digests import Seal

_ITEMS: Final = 1_000
_LINES: Final = 20
_FEW: Final = 1_000
"""Moves of the small ledger that the large one's memory is compared with."""

_BYTES_OF_A_MOVE: Final = 1_000  # 400 with its indexes and document, and the write-ahead log
_DOCUMENTS_AT_ONCE: Final = 2_500
_DAYS: Final = 700
"""For how long there have been documents: not far apart, and two years of months."""

_SUM_UP_MONTHS: Final = """
INSERT INTO stock_months (tenant_id, account_id, starts_at, change, lowest)
SELECT tenant_id, account_id, starts_at, sum(change), min(running)
FROM (SELECT *, sum(change) OVER (PARTITION BY account_id, starts_at
                                  ORDER BY effective_at, seq) AS running
      FROM (SELECT tenant_id, account_id, seq, effective_at, change,
                   date_trunc('month', effective_at, 'UTC') AS starts_at
            FROM stock_moves, LATERAL (VALUES (from_account, from_seq, -quantity),
                                              (to_account, to_seq, quantity))
                              AS leg (account_id, seq, change)
            WHERE tenant_id = $1 AND seq IS NOT NULL) AS legs) AS summed
WHERE starts_at < (SELECT date_trunc('month', b.effective_at, 'UTC') FROM stock_balances AS b
                   WHERE b.tenant_id = $1 AND b.account_id = summed.account_id)
GROUP BY tenant_id, account_id, starts_at
"""

_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'stock_moves' AND indexname <> 'stock_moves_pkey'
"""

_TRANSACTIONS: Final = (
    *("tenant_id", "id", "type", "year", "document_no", "effective_at", "posted_at", "actor"),
    *("digest", "digest_key_id"),
)
_MOVES: Final = (
    *("tenant_id", "transaction_id", "line_no", "item_id", "quantity", "entered_quantity"),
    *("entered_unit", "from_account", "from_seq", "from_after", "to_account", "to_seq"),
    *("to_after", "effective_at", "posted_at"),
)


@dataclass(slots=True)
class _Account:
    id: UUID
    location_id: UUID | None
    seq: int = 0
    on_hand: int = 0
    moved_at: datetime | None = None

    def moved(self, by: int, at: datetime) -> Side:
        if self.location_id is None:
            return Side(self.id, None)
        self.seq += 1
        self.on_hand += by
        self.moved_at = at
        return Side(self.id, self.location_id, self.seq, Decimal(self.on_hand))


class Writer:
    """Writes documents of `_LINES` lines: two receipts, a transfer and an issue, over and over.

    The first line is always of the first item, so that there are long accounts beside short
    ones. The last document is of today.
    """

    def __init__(self, tenant_id: UUID, item_ids: Sequence[UUID], places: Sequence[UUID]) -> None:
        self._tenant_id = tenant_id
        self._items = item_ids
        keys = DerivedKeys.from_secret(SECRET)
        self._seal = Seal(keys.ledger_id, keys.ledger)
        kinds = (AccountKind.SUPPLIER, AccountKind.CUSTOMER)
        self.accounts = [
            (
                item_id,
                [
                    *(
                        (kind, _Account(UUID(int=number << 8 | n), None))
                        for n, kind in enumerate(kinds)
                    ),
                    *(
                        (AccountKind.ON_HAND, _Account(UUID(int=number << 8 | n), place))
                        for n, place in enumerate(places, start=len(kinds))
                    ),
                ],
            )
            for number, item_id in enumerate(item_ids, start=1)
        ]

    def documents(self, count: int) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        """Yield the row of each document and the rows of its moves."""
        supplier, customer, first, second = range(4)
        turns = (
            (TransactionType.RECEIPT, supplier, first, 3),
            (TransactionType.RECEIPT, supplier, second, 2),
            (TransactionType.TRANSFER, first, second, 1),
            (TransactionType.ISSUE, second, customer, 2),
        )
        began = datetime.now(UTC) - timedelta(days=_DAYS)
        for number in range(count):
            type, *turn = turns[number % len(turns)]
            at = began + timedelta(days=_DAYS) * number / count
            # A transfer and an issue are of what the two documents before them have brought.
            start = number // len(turns) * (_LINES - 1)
            chosen = [0, *(1 + (start + n) % (len(self._items) - 1) for n in range(_LINES - 1))]
            moves = [
                self._move(line_no, item, turn, at) for line_no, item in enumerate(chosen, start=1)
            ]
            yield self._rows(number, type, at, tuple(moves))

    def _move(self, line_no: int, item: int, turn: Sequence[int], at: datetime) -> Move:
        source, target, quantity = turn
        item_id, accounts = self.accounts[item]
        return Move(
            line_no=line_no,
            item_id=item_id,
            sku="",  # is no part of what is sealed
            quantity=Decimal(quantity),
            entered_quantity=Decimal(quantity),
            entered_unit="cái",
            source=accounts[source][1].moved(-quantity, at),
            target=accounts[target][1].moved(quantity, at),
        )

    def _rows(
        self, number: int, type: TransactionType, at: datetime, moves: tuple[Move, ...]
    ) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
        document = StockTransaction(
            id=UUID(int=number + 1),
            type=type,
            year=at.year,
            document_no=f"{type.prefix}-{at.year}-{number:08}",
            external_ref=None,
            effective_at=at,
            posted_at=at,
            note=None,
            reason=None,
            actor="benchmark",
            reverses_id=None,
            reversed_by_id=None,
            moves=moves,
        )
        digest = self._seal.digest(self._tenant_id, document)
        head = (
            *(self._tenant_id, document.id, type, document.year, document.document_no, at, at),
            *(document.actor, digest, self._seal.key_id),
        )
        return head, [
            (
                *(self._tenant_id, document.id, move.line_no, move.item_id, move.quantity),
                *(move.quantity, move.entered_unit),
                *(move.source.account_id, move.source.seq, move.source.after),
                *(move.target.account_id, move.target.seq, move.target.after, at, at),
            )
            for move in moves
        ]


async def build(urls: DatabaseUrls, tenant_id: UUID, item_ids: Sequence[UUID], moves: int) -> int:
    """Write a ledger of about so many moves for a business that has none; return how many."""
    connection = await asyncpg.connect(urls.admin)
    try:
        # Past the foreign keys, which would be looked up four times a move; not past the seal of
        # a document, which is what the check proves.
        await connection.execute("SET session_replication_role = replica")
        first = await connection.fetchval(
            "SELECT id FROM locations WHERE tenant_id = $1", tenant_id
        )
        second = await connection.fetchval(
            "INSERT INTO locations (tenant_id, id, code, code_key, name, kind, parent_id, status, "
            "version, created_at, updated_at) SELECT tenant_id, gen_random_uuid(), 'KE', 'ke', "
            "'Kệ', 'bin', id, status, 1, now(), now() FROM locations WHERE tenant_id = $1 "
            "RETURNING id",
            tenant_id,
        )
        writer = Writer(tenant_id, item_ids, (first, second))
        # As a restore does: an index is built in one go in a fraction of the time.
        indexes = await connection.fetch(_INDEXES)
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        heads: list[tuple[Any, ...]] = []
        lines: list[tuple[Any, ...]] = []
        written = 0
        count = max(1, moves // _LINES)
        for number, (head, rows) in enumerate(writer.documents(count), start=1):
            heads.append(head)
            lines += rows
            if number % _DOCUMENTS_AT_ONCE == 0 or number == count:
                await _copy(connection, "stock_transactions", _TRANSACTIONS, heads)
                await _copy(connection, "stock_moves", _MOVES, lines)
                written += len(lines)
                heads, lines = [], []
        await connection.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
        for _, definition in indexes:
            await connection.execute(definition)
        await _copy_accounts(connection, tenant_id, writer)
        await connection.execute(_SUM_UP_MONTHS, tenant_id)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return written


async def _copy_accounts(
    connection: "asyncpg.Connection[Any]", tenant_id: UUID, writer: Writer
) -> None:
    accounts = [
        (tenant_id, account.id, item_id, kind, account.location_id)
        for item_id, of_item in writer.accounts
        for kind, account in of_item
    ]
    balances = [
        (
            *(tenant_id, account.id, Decimal(account.on_hand), Decimal(0), account.seq),
            *(account.moved_at, account.moved_at),
        )
        for _, of_item in writer.accounts
        for _, account in of_item
        if account.location_id is not None
    ]
    of_accounts = ("tenant_id", "id", "item_id", "kind", "location_id")
    await _copy(connection, "stock_accounts", of_accounts, accounts)
    of_balances = (
        *("tenant_id", "account_id", "on_hand", "reserved", "seq"),
        *("posted_at", "effective_at"),
    )
    await _copy(connection, "stock_balances", of_balances, balances)


async def _copy(
    connection: "asyncpg.Connection[Any]",
    table: str,
    columns: Sequence[str],
    rows: list[tuple[Any, ...]],
) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns)


@dataclass(frozen=True)
class Proof:
    """What a check has told, and what it took."""

    moves: int
    findings: int
    seconds: float
    peak_mib: float


def prove(dataset: Dataset, tenant_id: UUID) -> Proof:
    """Run the command on one business, as its user does, in a process of its own."""
    environment = {
        "SOKHO_DATABASE_URL": dataset.urls.app,
        "SOKHO_WORKER_DATABASE_URL": dataset.urls.worker,
        "SOKHO_SECRET": SECRET,
        "SOKHO_DATA_DIR": str(dataset.folder / "data"),
        "PATH": os.environ["PATH"],
    }
    sokho = Path(sys.executable).with_name("sokho")
    command = [str(sokho), "check", "ledger", "--tenant", str(tenant_id), "--json"]
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    [found] = json.loads(told)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Proof(
        found["moves"], len(found["findings"]), round(seconds, 1), round(usage.ru_maxrss / unit, 1)
    )


def main() -> int:
    """Build, prove, print; exit with 1 where the check says anything else than it should."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--moves", type=int, default=1_000_000)
    moves: int = parser.parse_args().moves
    needed = moves * _BYTES_OF_A_MOVE
    with filled_database(tenants=2, items=_ITEMS) as dataset:
        free = shutil.disk_usage(dataset.folder).free
        if free < needed:
            print(f"needs {needed >> 30} GiB of disk, {free >> 30} are free", file=sys.stderr)
            return 2
        few, many = dataset.tenants
        began = time.monotonic()
        asyncio.run(build(dataset.urls, few.id, few.item_ids, _FEW))
        written = asyncio.run(build(dataset.urls, many.id, many.item_ids, moves))
        built = round(time.monotonic() - began, 1)
        small, large = prove(dataset, few.id), prove(dataset, many.id)
        size = asyncio.run(_size(dataset.urls))
    is_right = (small.findings, large.findings, large.moves) == (0, 0, written)
    figures = {
        "moves": large.moves,
        "findings": large.findings,
        "build_seconds": built,
        "database_gib": round(size / (1 << 30), 2),
        "check_seconds": large.seconds,
        "moves_a_second": round(large.moves / large.seconds),
        "peak_mib": large.peak_mib,
        f"peak_mib_of_{small.moves}_moves": small.peak_mib,
    }
    print(json.dumps(figures))
    return 0 if is_right else 1


async def _size(urls: DatabaseUrls) -> int:
    connection = await asyncpg.connect(urls.admin)
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
