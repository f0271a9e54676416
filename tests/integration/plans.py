"""How PostgreSQL runs what a repository asks, under the seal."""

import re
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from sokho.core.infrastructure.database import Statement, Transaction
from sokho.core.infrastructure.database.pool import Connection


@dataclass
class Plan:
    """How PostgreSQL runs a query, and how many rows of a table it touched for it."""

    lines: list[str]
    table: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def rows_read(self) -> int:
        """Rows of the index that were looked at, those filtered away among them."""
        [scan] = [n for n, line in enumerate(self.lines) if f" on {self.table} (" in line]
        found = re.search(r"rows=([\d.]+) loops=(\d+)\)$", self.lines[scan])
        assert found is not None, self.text
        removed = re.search(r"Rows Removed by Filter: (\d+)", "\n".join(self.lines[scan:]))
        return round(float(found[1])) * int(found[2]) + (int(removed[1]) if removed else 0)

    @property
    def pages_read(self) -> int:
        """Pages of tables and indexes that were looked at, those already in memory among them."""
        of_all = next(line for line in self.lines if "Buffers:" in line)
        counts = dict(re.findall(r"(hit|read)=(\d+)", of_all))
        return sum(map(int, counts.values()))


class Explaining(Transaction):
    """Explains what it is asked to run, as the service's own role, on a bound connection."""

    def __init__(self, connection: Connection, tenant_id: UUID, table: str) -> None:
        self._connection = connection
        self._busy = False
        self.tenant_id = tenant_id
        self.plan = Plan([], table)

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[asyncpg.Record]:
        assert statement.one_trip is not None
        explain = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {statement.one_trip}"
        arguments = statement.one_trip_arguments(self.tenant_id, values)
        rows = await self._connection.fetch(explain, *arguments)
        self.plan = Plan([line for (line,) in rows], self.plan.table)
        return []

    is_traceable = True

    async def fetch_alone(self, statement: Statement, **values: object) -> None:
        raise AssertionError(statement, values)

    def begin_with(self, also: str) -> None:
        """It has begun."""

    async def commit(self) -> None:
        """Nothing was written."""

    async def rollback(self) -> None:
        """Nothing was written."""

    def record(self, event: object) -> None:
        """Nothing happens here."""
