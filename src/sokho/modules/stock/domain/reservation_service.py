"""What one can do with reservations."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.documents import Document
from sokho.modules.stock.domain.errors import ReservationNotFoundError, refuse
from sokho.modules.stock.domain.posting import Entry
from sokho.modules.stock.domain.reservation_repository import (
    BY_ID,
    ReservationFilter,
    ReservationRepository,
)
from sokho.modules.stock.domain.reservations import Reservation, ReservationState, lines_of
from sokho.modules.stock.domain.service import StockService

_ENDS: Final[Mapping[ReservationState, str]] = {
    ReservationState.CONFIRMED: "stock.reservation_confirmed",
    ReservationState.RELEASED: "stock.reservation_released",
    ReservationState.EXPIRED: "stock.reservation_expired",
}


class ReservationService:
    """The business operations on reservations, each one step of one transaction."""

    def __init__(
        self,
        repo: ReservationRepository,
        stock: StockService,
        events: EventLog,
        *,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._stock = stock
        self._events = events
        self._make_id = make_id

    async def reserve(
        self,
        document: Document,
        expires_in: timedelta,
        *,
        actor: str,
        request_key: bytes | None = None,
    ) -> Reservation:
        """Promise what an issue would take, all of its lines or none, for so long from now.

        Raises `InvalidError` and its kinds, `InsufficientStockError`, `DuplicateRequestError`.
        """
        considered = await self._stock.consider(document)
        now = considered.seen_at
        reservation = Reservation(
            id=self._make_id(),
            recorded_state=ReservationState.OPEN,
            created_at=now,
            expires_at=now + expires_in,
            transaction_id=None,
            lines=lines_of(considered),
            seen_at=now,
        )
        changes: dict[str, object] = {
            "lines": {"after": len(reservation.lines)},
            "expires_at": {"after": reservation.expires_at},
        }
        self._events.record(_event("stock.reserved", reservation, changes))
        await self._repo.add(reservation, actor=actor, request_key=request_key)
        return reservation

    async def confirm(
        self,
        reservation_id: UUID,
        header: Document,
        quantities: Sequence[tuple[int, Decimal]] | None = None,
        *,
        actor: str,
        request_key: bytes | None = None,
    ) -> Reservation:
        """Make one issue of it, which has all else from `header`; what is left over is free.

        `quantities` are numbers of its lines and as much of each, in its entered unit; None takes
        all. Raises `ReservationNotFoundError`, `ReservationExpiredError`,
        `ReservationClosedError`, `InvalidError` and its kinds, `DuplicateDocumentNoError`,
        `DuplicateExternalRefError`, `DuplicateRequestError`.
        """
        refuse([*header.faults()])
        reservation = await self._held(reservation_id)
        reservation.refuse_unless_open()
        entry = Entry(
            id=self._make_id(),
            document=header,
            actor=actor,
            request_key=request_key,
            moves=reservation.issued(quantities),
        )
        # What it holds is free for its own issue.
        confirmed = ReservationState.CONFIRMED
        await _close(self._repo, self._events, reservation, confirmed, entry.id)
        await self._stock.enter(entry)
        return replace(reservation, recorded_state=confirmed, transaction_id=entry.id)

    async def release(self, reservation_id: UUID) -> Reservation:
        """Free what it holds.

        Raises `ReservationNotFoundError`, `ReservationExpiredError`, `ReservationClosedError`.
        """
        reservation = await self._held(reservation_id)
        reservation.refuse_unless_open()
        await _close(self._repo, self._events, reservation, ReservationState.RELEASED)
        return replace(reservation, recorded_state=ReservationState.RELEASED)

    async def extend(self, reservation_id: UUID, expires_in: timedelta) -> Reservation:
        """Let it last for so long from now, if it would not anyway; raises as `release`."""
        reservation = await self._held(reservation_id)
        reservation.refuse_unless_open()
        until = reservation.until(expires_in)
        if until == reservation.expires_at:
            return reservation
        change = {"expires_at": {"before": reservation.expires_at, "after": until}}
        self._events.record(_event("stock.reservation_extended", reservation, change))
        await self._repo.extend(reservation.id, until)
        return replace(reservation, expires_at=until)

    async def get(self, reservation_id: UUID) -> Reservation:
        """Return a reservation; raises `ReservationNotFoundError`."""
        found = await self._repo.get(reservation_id)
        if found is None:
            raise ReservationNotFoundError(reservation_id)
        return found

    async def list(
        self,
        filter: ReservationFilter,
        *,
        sort: Sort = BY_ID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[Reservation]:
        """Return a page of reservations in order."""
        return await self._repo.list(filter, limit, offset, sort=sort, after=after)

    async def _held(self, id: UUID) -> Reservation:
        """Return it as it is once nobody else can change it."""
        if not await self._repo.hold(id):
            raise ReservationNotFoundError(id)
        return await self.get(id)


async def expire(repo: ReservationRepository, events: EventLog, reservation_id: UUID) -> bool:
    """Write down that it has expired and free what it holds; return whether that was due."""
    await repo.hold(reservation_id)
    reservation = await repo.get(reservation_id)
    if reservation is None or reservation.recorded_state is not ReservationState.OPEN:
        return False
    if reservation.state is not ReservationState.EXPIRED:
        return False
    await _close(repo, events, reservation, ReservationState.EXPIRED)
    return True


async def _close(
    repo: ReservationRepository,
    events: EventLog,
    reservation: Reservation,
    state: ReservationState,
    transaction_id: UUID | None = None,
) -> None:
    changes: dict[str, object] = {"state": {"before": reservation.recorded_state, "after": state}}
    if transaction_id is not None:
        changes["transaction_id"] = {"before": None, "after": transaction_id}
    events.record(_event(_ENDS[state], reservation, changes))
    await repo.close(reservation.id, state, transaction_id=transaction_id)


def _event(type: str, reservation: Reservation, changes: Mapping[str, object]) -> Event:
    return Event(type, str(reservation.id), changes)
