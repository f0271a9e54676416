"""A database that holds nothing but keys and a clock, and counts how often it is asked."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from msgspec.structs import asdict

from sokho.core.domain.events import Event
from sokho.core.domain.identity import COMMAND_LINE, Origin
from sokho.core.infrastructure.database import (
    Database,
    OverloadedError,
    Row,
    Statement,
    Transaction,
)
from sokho.modules.api_keys.domain.entities import ApiKey
from tests.fakes.api_keys import NOON


class KeyTable(Database):
    """Answers the one look-up of the authenticator from memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UUID, UUID], dict[str, Any]] = {}
        self.look_ups = 0
        self.takes: list[float] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_away = False
        self.seconds = 1000.0
        self._noon = self.seconds

    def put(self, key: ApiKey, *, tenant_state: str = "active") -> None:
        """Store `key`, or replace it."""
        self.rows[key.tenant_id, key.id] = asdict(key) | {"tenant_state": tenant_state}

    @property
    def now(self) -> datetime:
        """The database's time: it goes on as the ticks do."""
        return NOON + timedelta(seconds=self.seconds - self._noon)

    def ticks(self) -> float:
        """Return the seconds of a monotonic clock that stands still unless it is moved."""
        return self.seconds

    def transaction(
        self, tenant_id: UUID, *, read_only: bool = False, origin: Origin = COMMAND_LINE
    ) -> Transaction:
        assert read_only
        assert origin is COMMAND_LINE
        return _LookUp(self, tenant_id)


class _LookUp(Transaction):
    def __init__(self, table: KeyTable, tenant_id: UUID) -> None:
        super().__init__(cast("Any", None), tenant_id)
        self._table = table

    is_traceable = True

    async def fetch_alone(self, statement: Statement, **values: object) -> None:
        raise AssertionError(statement, values)

    def begin_with(self, also: str) -> None:
        raise AssertionError(also)

    def record(self, event: Event) -> None:
        raise AssertionError(event)

    async def commit(self) -> None:
        """Nothing was written."""

    async def rollback(self) -> None:
        """Nothing was written."""

    async def _run(self, _: Statement, values: dict[str, object]) -> list[Row]:
        self._table.look_ups += 1
        await self._table.answers.wait()
        if self._table.is_away:
            raise OverloadedError
        told = self._table.now  # and then the answer is on its way
        if self._table.takes:
            self._table.seconds += self._table.takes.pop()
        row = self._table.rows.get((self.tenant_id, cast("UUID", values["key_id"])))
        return [] if row is None else [cast("Row", row | {"now": told})]
