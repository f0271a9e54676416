"""Period locks (khóa sổ): documents dated before a day are posted no more."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Final

from msgspec import Struct

from sokho.core.domain.errors import FieldError, InvalidError, PreconditionFailedError
from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.texts import Text

_IN_FUTURE: Final = Text(
    vi="Chỉ khóa được khoảng thời gian đã qua.", en="Only what has passed can be locked."
)


class PeriodLock(Struct, frozen=True, kw_only=True):
    """Up to when a business's books are locked. Each change of it is a version of its own."""

    locked_before: datetime | None
    """Documents dated before this are posted no more; None locks nothing."""

    version: int
    """0 until it is set for the first time."""

    set_at: datetime | None
    """Before each document that is posted later, and not before any that was posted earlier."""

    actor: str | None


class PeriodLocks(ABC):
    """The period locks of one tenant."""

    @abstractmethod
    async def current(self) -> PeriodLock:
        """Return the lock as it is."""

    @abstractmethod
    async def hold(self) -> tuple[PeriodLock, datetime]:
        """Return the lock and the time, when all who post have ended.

        Nobody posts or changes the lock from now on, until the transaction ends. The time is that
        of the database, and not before the last document was posted.
        """

    @abstractmethod
    async def add(self, lock: PeriodLock) -> None:
        """Write a new version."""


class PeriodService:
    """Locks and reopens a business's books."""

    def __init__(self, locks: PeriodLocks, events: EventLog) -> None:
        self._locks = locks
        self._events = events

    async def current(self) -> PeriodLock:
        """Return up to when the books are locked."""
        return await self._locks.current()

    async def set(self, locked_before: datetime | None, *, version: int, actor: str) -> PeriodLock:
        """Lock the books up to a time, or reopen what was locked from there on.

        `version` is that of the lock as the caller has seen it. Raises
        `PreconditionFailedError` where there is another by now, and `InvalidError`.
        """
        lock, now = await self._locks.hold()
        if lock.version != version:
            raise PreconditionFailedError
        if locked_before is not None and locked_before > now:
            raise InvalidError(FieldError("/locked_before", "in_future", _IN_FUTURE))
        if locked_before == lock.locked_before:
            return lock
        reopens = lock.locked_before is not None and (
            locked_before is None or locked_before < lock.locked_before
        )
        new = PeriodLock(locked_before=locked_before, version=version + 1, set_at=now, actor=actor)
        changes = {
            name: {"before": getattr(lock, name), "after": getattr(new, name)}
            for name in ("locked_before", "version")
        }
        kind = "stock.period_reopened" if reopens else "stock.period_locked"
        self._events.record(Event(kind, None, changes))
        await self._locks.add(new)
        return new
