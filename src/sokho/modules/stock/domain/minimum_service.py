"""What one can do with minimum stock, and the port through which it is kept."""

from abc import ABC, abstractmethod
from decimal import Decimal
from uuid import UUID

from sokho.core.domain.errors import InvalidError
from sokho.core.domain.events import Event, EventLog
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.errors import (
    MinimumNotFoundError,
    UnknownItemError,
    UnknownLocationError,
)
from sokho.modules.stock.domain.minimums import Minimum
from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.service import StockService

_UNKNOWN = frozenset({UnknownItemError.code, UnknownLocationError.code})


class MinimumRepository(ABC):
    """The minimums of one tenant: each stands on the balance of an item at a location."""

    @abstractmethod
    async def find(
        self, item_id: UUID, location_id: UUID, *, held: bool = False
    ) -> tuple[UUID, Decimal] | None:
        """Return the account and the minimum that is set there, and hold the balance if asked."""

    @abstractmethod
    async def set(self, account_id: UUID, minimum: Decimal | None) -> None:
        """Set or take away the minimum of an account, whose balance is held."""


class MinimumService:
    """The business operations on minimum stock, each one step of one transaction."""

    def __init__(self, repo: MinimumRepository, stock: StockService, events: EventLog) -> None:
        self._repo = repo
        self._stock = stock
        self._events = events

    async def get(self, item_id: UUID, location_id: UUID) -> Minimum:
        """Return what is set; raises `MinimumNotFoundError`."""
        _, minimum = await self._found(item_id, location_id)
        return Minimum(item_id=item_id, location_id=location_id, minimum=minimum)

    async def put(self, item_id: UUID, location_id: UUID, wanted: Decimal) -> tuple[Minimum, bool]:
        """Set how much should be there, in the item's own unit; tell whether nothing was set.

        Raises `MinimumNotFoundError` without the item or the location, `InvalidError` and its
        kinds as for the only line of a receipt: goods have to be able to come there.
        """
        line = Line(item_id=item_id, quantity=wanted, to_location_id=location_id)
        try:
            considered = await self._stock.consider(
                Document(type=TransactionType.RECEIPT, lines=(line,))
            )
        except InvalidError as error:
            if _UNKNOWN & {fault.code for fault in error.errors}:
                raise MinimumNotFoundError from error
            raise
        account_id = considered.moves[0].target.account_id
        before = considered.before[account_id].minimum
        if before != wanted:
            self._record(item_id, location_id, before, wanted)
            await self._repo.set(account_id, wanted)
        minimum = Minimum(item_id=item_id, location_id=location_id, minimum=wanted)
        return minimum, before is None

    async def delete(self, item_id: UUID, location_id: UUID) -> None:
        """Take away what is set; raises `MinimumNotFoundError`."""
        account_id, before = await self._found(item_id, location_id, held=True)
        self._record(item_id, location_id, before, None)
        await self._repo.set(account_id, None)

    async def _found(
        self, item_id: UUID, location_id: UUID, *, held: bool = False
    ) -> tuple[UUID, Decimal]:
        found = await self._repo.find(item_id, location_id, held=held)
        if found is None:
            raise MinimumNotFoundError
        return found

    def _record(
        self, item_id: UUID, location_id: UUID, before: Decimal | None, after: Decimal | None
    ) -> None:
        told = {
            name: None if value is None else plain(value)
            for name, value in (("before", before), ("after", after))
        }
        self._events.record(Event("stock.minimum_changed", str(item_id), {str(location_id): told}))
