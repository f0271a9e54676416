"""The port through which the ledger is kept: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.documents import Document, Reason, TransactionType
from sokho.modules.stock.domain.entities import Move, StockTransaction
from sokho.modules.stock.domain.posting import Books

BY_ID: Final = Sort("id")


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which documents: all conditions that are not None must hold."""

    type: TransactionType | None = None
    document_no: str | None = None
    external_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document with its moves, ready for the books, which still give it number and time."""

    id: UUID
    type: TransactionType
    year: int
    document_no: str | None
    """The client's own; None takes the next of the type and year."""

    external_ref: str | None
    effective_at: datetime
    note: str | None
    reason: Reason | None
    actor: str
    request_key: bytes | None
    """What stands for the request's Idempotency-Key: no two transactions have the same."""

    reverses_id: UUID | None
    moves: Sequence[Move]
    not_before: datetime | None
    """The last time at which one of the accounts was posted to."""


class Month(NamedTuple):
    """A month of an account: from its first instant to that of the next, exclusive."""

    account_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Low:
    """The least that an account has held from a date on, by the dates of its documents."""

    account_id: UUID
    quantity: Decimal
    short_at: datetime | None
    """When it first was less than nothing; None where it never was.

    Where that is within a month that was not read in full, the beginning of the month.
    """


class StockRepository(ABC):
    """The ledger of one tenant. Nothing here commits: the transaction belongs to the caller."""

    @abstractmethod
    async def look_up(self, document: Document) -> Books:
        """Return what has to be known to post a document.

        The balances of its accounts, if all are there, are held from now on: nobody else can
        post to them. They are held in the order of their accounts, so that no two documents wait
        for each other.
        """

    @abstractmethod
    async def open_accounts(self, document: Document, books: Books) -> None:
        """Make the accounts that the books lack for a document."""

    @abstractmethod
    async def store(self, entry: Entry) -> StockTransaction:
        """Write an entry and the new balances of its accounts, which are held.

        Raises `DuplicateDocumentNoError`, `DuplicateExternalRefError`, `AlreadyReversedError`,
        `DuplicateRequestError`, and `LocationArchivedError` where goods would come to a location
        that is archived.
        """

    @abstractmethod
    async def sum_up(self, months: Collection[Month]) -> None:
        """Keep what the moves of these months amount to; all accounts are held."""

    @abstractmethod
    async def lows(self, months: Collection[Month], since: datetime) -> Sequence[Low]:
        """Return the least that accounts, which are held, have had from `since` on.

        Their `months` are read move by move; of all others the sums alone.
        """

    @abstractmethod
    async def get(self, id: UUID) -> StockTransaction | None:
        """Return a transaction with its moves, or None where this tenant has none such."""

    @abstractmethod
    async def hold(self, account_ids: Collection[UUID]) -> Books:
        """Return what has to be known to undo moves between accounts, held as by `look_up`."""

    @abstractmethod
    async def free_expired(self, account_ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
        """Free what expired reservations hold of accounts, and return how much of each.

        The balances of the accounts are held.
        """

    @abstractmethod
    async def list(
        self,
        filter: TransactionFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> Sequence[StockTransaction]:
        """Return at most `limit` transactions in order, from behind `after`, skipping `offset`.

        `sort.field` is one of id, effective_at.
        """
