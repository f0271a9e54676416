"""The port through which reservations are kept: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.reservations import Reservation, ReservationState

BY_ID: Final = Sort("id")


class ReservationFilter(Struct, frozen=True):
    """Which reservations: all conditions that are not None must hold."""

    state: ReservationState | None = None


class ReservationRepository(ABC):
    """The reservations of one tenant. Nothing here commits: the transaction is the caller's.

    Whoever changes a reservation holds the balances of all its lines: so it is settled between
    two of them by whoever comes first, and no row but these is waited for.
    """

    @abstractmethod
    async def add(self, reservation: Reservation, *, actor: str, request_key: bytes | None) -> None:
        """Write a new one, and reserve what it holds on the balances, which are held.

        Raises `DuplicateRequestError`.
        """

    @abstractmethod
    async def hold(self, id: UUID) -> bool:
        """Hold the balances of all its lines, in the order of accounts; tell whether it exists."""

    @abstractmethod
    async def get(self, id: UUID) -> Reservation | None:
        """Return it as it is now, or None where this tenant has none such."""

    @abstractmethod
    async def close(
        self, id: UUID, state: ReservationState, *, transaction_id: UUID | None = None
    ) -> None:
        """Give an open one its last state and free what it still holds; its balances are held."""

    @abstractmethod
    async def extend(self, id: UUID, expires_at: datetime) -> None:
        """Let an open one last until then; its balances are held."""

    @abstractmethod
    async def list(
        self,
        filter: ReservationFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> Sequence[Reservation]:
        """Return at most `limit` of them by id, from behind `after`, skipping `offset`."""
