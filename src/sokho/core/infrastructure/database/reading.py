"""Reads of one tenant: each SELECT binds the tenant and answers in one round trip."""

from sokho.core.domain.events import Event
from sokho.core.infrastructure.database.statements import Statement
from sokho.core.infrastructure.database.transaction import Row, Transaction


class ReadTransaction(Transaction):
    """Each SELECT binds the tenant and answers in one round trip, on its own snapshot.

    Nothing is held between two statements, and nothing but a SELECT can run.
    """

    @property
    def is_traceable(self) -> bool:
        return True

    def begin_with(self, also: str) -> None:
        """There is no BEGIN."""

    async def fetch_alone(self, statement: Statement, **values: object) -> Row | None:
        """Return None: it does nothing but read."""

    def record(self, event: Event) -> None:
        """Raise `RuntimeError`: nothing happens in a read."""
        raise RuntimeError(f"nothing changes in a read: {event.type}")

    async def commit(self) -> None:
        """Nothing was written."""

    async def rollback(self) -> None:
        """Nothing was written."""

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        if statement.one_trip is None:
            raise RuntimeError("a read runs nothing but a SELECT of the tenant's rows")
        arguments = statement.one_trip_arguments(self.tenant_id, values)
        return await self._fetch_in_one_trip(statement.one_trip, arguments)
