"""What one can do with the ledger."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.backdating import keep_dates
from sokho.modules.stock.domain.documents import Document, note_faults
from sokho.modules.stock.domain.entities import Move, StockTransaction
from sokho.modules.stock.domain.errors import (
    AlreadyReversedError,
    CannotReverseReversalError,
    InsufficientStockError,
    StockTransactionNotFoundError,
    refuse,
)
from sokho.modules.stock.domain.minimums import crossings
from sokho.modules.stock.domain.periods import not_before, refuse_locked
from sokho.modules.stock.domain.posting import Books, check, post, reversal
from sokho.modules.stock.domain.repository import (
    BY_ID,
    Entry,
    StockRepository,
    TransactionFilter,
)
from sokho.modules.stock.domain.reservations import released


class StockService:
    """The business operations on the ledger, each one step of one transaction."""

    def __init__(
        self,
        repo: StockRepository,
        events: EventLog,
        *,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._events = events
        self._make_id = make_id

    async def post(
        self, document: Document, *, actor: str, request_key: bytes | None = None
    ) -> StockTransaction:
        """Post a document, whole or not at all.

        Raises `InvalidError` and its kinds, `InsufficientStockError`, `StockReservedError`,
        `PeriodLockedError`, `DuplicateDocumentNoError`, `DuplicateExternalRefError`,
        `DuplicateRequestError`.
        """
        books, moves = await self.plan(document)
        return await self.enter(
            self._make_id(), document, books, moves, actor=actor, request_key=request_key
        )

    async def plan(self, document: Document) -> tuple[Books, Sequence[Move]]:
        """Return the moves of a document, and the books by which it can be posted; these are held.

        Raises `InvalidError` and its kinds, `InsufficientStockError`, `StockReservedError`.
        """
        books, quantities = await self.look_up(document)
        moves = await self._with_room(books, lambda books: post(document, books, quantities))
        return books, moves

    async def look_up(self, document: Document) -> tuple[Books, Sequence[Decimal]]:
        """Return the books of a document, held, and its quantities in the items' own units.

        Raises `InvalidError` and its kinds.
        """
        refuse([*document.faults()])
        books = await self._repo.look_up(document)
        if not books.are_open:
            check(document, books)
            await self._repo.open_accounts(document, books)
            books = await self._repo.look_up(document)
        return books, check(document, books)

    async def enter(
        self,
        id: UUID,
        document: Document,
        books: Books,
        moves: Sequence[Move],
        *,
        actor: str,
        request_key: bytes | None,
    ) -> StockTransaction:
        """Write a document whose moves are made of books that are held.

        Raises `InsufficientStockError` for a document of the past that leaves too little at a
        later date, `PeriodLockedError`, `DuplicateDocumentNoError`, `DuplicateExternalRefError`,
        `DuplicateRequestError`.
        """
        effective_at = document.effective_at or books.now
        entry = Entry(
            id=id,
            type=document.type,
            year=books.year_of(effective_at),
            document_no=document.document_no,
            external_ref=document.external_ref,
            effective_at=effective_at,
            note=document.note,
            reason=document.reason,
            actor=actor,
            request_key=request_key,
            reverses_id=None,
            moves=moves,
            not_before=not_before(books),
        )
        return await self._stored(entry, books)

    async def reverse(
        self,
        transaction_id: UUID,
        *,
        note: str | None,
        actor: str,
        request_key: bytes | None = None,
    ) -> StockTransaction:
        """Undo a document by another of now, with the same quantities the other way.

        Raises `StockTransactionNotFoundError`, `AlreadyReversedError`,
        `CannotReverseReversalError`, `InsufficientStockError`, `StockReservedError`,
        `QuantityOutOfRangeError`, `LocationArchivedError`, `DuplicateRequestError`,
        `InvalidError`.
        """
        refuse([*note_faults(note)])
        original = await self.get(transaction_id)
        if original.reverses_id is not None:
            raise CannotReverseReversalError
        if original.reversed_by_id is not None:
            raise AlreadyReversedError
        accounts = {
            side.account_id for move in original.moves for side in (move.source, move.target)
        }
        books = await self._repo.hold(accounts)
        try:
            moves = await self._with_room(
                books, lambda books: reversal(original.type, original.moves, books.balances)
            )
        except InsufficientStockError:
            # Perhaps because another has just reversed it, for whose end this one has waited.
            if (await self.get(transaction_id)).reversed_by_id is not None:
                raise AlreadyReversedError from None
            raise
        entry = Entry(
            id=self._make_id(),
            type=original.type,
            year=books.year_of(books.now),
            document_no=None,
            external_ref=None,
            effective_at=books.now,
            note=note,
            reason=original.reason,
            actor=actor,
            request_key=request_key,
            reverses_id=original.id,
            moves=moves,
            not_before=not_before(books),
        )
        return await self._stored(entry, books)

    async def get(self, transaction_id: UUID) -> StockTransaction:
        """Return a document; raises `StockTransactionNotFoundError`."""
        found = await self._repo.get(transaction_id)
        if found is None:
            raise StockTransactionNotFoundError(transaction_id)
        return found

    async def list(
        self,
        filter: TransactionFilter,
        *,
        sort: Sort = BY_ID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[StockTransaction]:
        """Return a page of documents in order."""
        return await self._repo.list(filter, limit, offset, sort=sort, after=after)

    async def _with_room(
        self, books: Books, make: Callable[[Books], Sequence[Move]]
    ) -> Sequence[Move]:
        """Return what is made of the books; where that falls short, without what has expired."""
        try:
            return make(books)
        except InsufficientStockError:
            reserved = [id for id, balance in books.balances.items() if balance.reserved]
            freed = await self._repo.free_expired(reserved) if reserved else {}
            if not freed:
                raise
        return make(replace(books, balances=released(books.balances, freed)))

    async def _stored(self, entry: Entry, books: Books) -> StockTransaction:
        refuse_locked(entry.effective_at, books)
        changes: dict[str, object] = {
            "type": {"after": entry.type},
            "lines": {"after": len(entry.moves)},
        }
        if entry.reverses_id is not None:
            changes["reverses_id"] = {"after": entry.reverses_id}
        self._events.record(Event("stock.posted", str(entry.id), changes))
        for event in crossings(entry.id, entry.moves, books.balances):
            self._events.record(event)
        posted = await self._repo.store(entry)
        await keep_dates(self._repo, entry, books.balances)
        return posted
