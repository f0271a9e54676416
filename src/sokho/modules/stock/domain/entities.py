"""What the ledger holds: accounts, their balances, posted transactions and their moves."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from sokho.modules.stock.domain.documents import Reason, TransactionType


class Balance(Struct, frozen=True):
    """What is on an account: only goods at a location have one, virtual accounts are sums.

    `seq` numbers the moves of the account without gaps; `posted_at` is the last one's time, and
    `effective_at` the latest date of their documents.
    """

    on_hand: Decimal
    reserved: Decimal
    seq: int
    posted_at: datetime | None
    effective_at: datetime | None = None
    minimum: Decimal | None = None
    """What should be there at least, if somebody said so."""

    @property
    def is_below_minimum(self) -> bool:
        """Whether less is there than should be; what is reserved is still there."""
        return self.minimum is not None and self.on_hand < self.minimum

    @property
    def available(self) -> Decimal:
        """What may still be promised or taken."""
        return self.on_hand - self.reserved


class Side(Struct, frozen=True):
    """One end of a move: an account, and its number and balance after the move.

    Those two are None for a virtual account.
    """

    account_id: UUID
    location_id: UUID | None
    seq: int | None = None
    after: Decimal | None = None


class Move(Struct, frozen=True, kw_only=True):
    """A quantity of one item that went from one account to another: never changed again."""

    line_no: int
    item_id: UUID
    sku: str
    quantity: Decimal
    """In the item's own unit; more than zero."""

    entered_quantity: Decimal
    entered_unit: str
    source: Side
    target: Side


class StockTransaction(Struct, frozen=True, kw_only=True):
    """A posted document (phiếu): never changed, at most reversed by another."""

    id: UUID
    type: TransactionType
    year: int
    document_no: str
    external_ref: str | None
    effective_at: datetime
    posted_at: datetime
    note: str | None
    reason: Reason | None
    actor: str
    reverses_id: UUID | None
    reversed_by_id: UUID | None
    moves: tuple[Move, ...]

    def undone(self) -> tuple[Move, ...]:
        """Return the moves that undo it: the last first, for what it passed on it takes back so."""
        return tuple(
            replace(
                move,
                source=Side(move.target.account_id, move.target.location_id),
                target=Side(move.source.account_id, move.source.location_id),
            )
            for move in reversed(self.moves)
        )
