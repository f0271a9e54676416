"""The port through which the ledger is kept: of one tenant, inside one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.documents import TransactionType
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.posting import Entered, Entry, Wanted

BY_ID: Final = Sort("id")


class TransactionFilter(Struct, frozen=True):
    """Which documents: all conditions that are not None must hold."""

    type: TransactionType | None = None
    document_no: str | None = None
    external_ref: str | None = None


class Month(NamedTuple):
    """A month of an account: from its first instant to that of the next, exclusive."""

    account_id: UUID
    starts_at: datetime
    ends_at: datetime


class LateLeg(NamedTuple):
    """A move on one of its accounts, where it is dated before another that was posted earlier."""

    account_id: UUID
    seq: int
    effective_at: datetime
    latest_at: datetime
    """The account's latest date before it was posted."""

    change: Decimal
    """By how much it changes what is there."""


class Low(Struct, frozen=True):
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
    async def enter(self, entry: Entry, *, posts: bool = True, alone: bool = False) -> Entered:
        """Look up what a document names, hold its accounts, reckon, and post it.

        Without `posts`, or where something keeps it from being posted, nothing is written. The
        balances of its accounts, if all are there, are held from now on: nobody else can post to
        them. They are held in the order of their accounts, so that no two documents wait for each
        other. `alone`: it may be a transaction of its own, in one round trip, where the caller
        does nothing else in it; where more belongs to it than the document, nothing is written,
        and it has to be entered again.

        Raises `DuplicateDocumentNoError`, `DuplicateExternalRefError`, `AlreadyReversedError`,
        `DuplicateRequestError`.
        """

    @abstractmethod
    async def open_accounts(self, wanted: Collection[Wanted]) -> None:
        """Open the accounts that an entry lacks."""

    @abstractmethod
    async def sum_up(self, months: Collection[Month], late: Collection[LateLeg]) -> None:
        """Keep what the moves of these months amount to, and late legs; all accounts are held."""

    @abstractmethod
    async def lows(
        self, months: Collection[Month], since: datetime, late: Collection[LateLeg] = ()
    ) -> Sequence[Low]:
        """Return the least that accounts, which are held, have had from `since` on.

        Their `months` are read move by move; of all others the sums alone. Late legs are kept
        with it, as by `sum_up`.
        """

    @abstractmethod
    async def get(self, id: UUID) -> StockTransaction | None:
        """Return a transaction with its moves, or None where this tenant has none such."""

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
