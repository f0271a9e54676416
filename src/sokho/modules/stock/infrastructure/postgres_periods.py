"""Period locks in PostgreSQL."""

from datetime import datetime

from sokho.core.infrastructure.database import Row, Transaction
from sokho.modules.stock.domain.periods import PeriodLock, PeriodLocks
from sokho.modules.stock.infrastructure.period_statements import ADD, CURRENT, HOLD_LOCK, TAKE


class PostgresPeriodLocks(PeriodLocks):
    """The locks of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def current(self) -> PeriodLock:
        return _lock(await self._tx.fetch_one(CURRENT))

    async def hold(self) -> tuple[PeriodLock, datetime]:
        await self._tx.fetch_all(TAKE)
        row = await self._tx.fetch_one(HOLD_LOCK)
        assert row is not None
        return _lock(row if row["version"] is not None else None), row["now"]

    async def add(self, lock: PeriodLock) -> None:
        await self._tx.fetch_all(
            ADD,
            version=lock.version,
            locked_before=lock.locked_before,
            set_at=lock.set_at,
            actor=lock.actor,
        )


def _lock(row: Row | None) -> PeriodLock:
    if row is None:
        return PeriodLock(locked_before=None, version=0, set_at=None, actor=None)
    return PeriodLock(
        locked_before=row["locked_before"],
        version=row["version"],
        set_at=row["set_at"],
        actor=row["actor"],
    )
