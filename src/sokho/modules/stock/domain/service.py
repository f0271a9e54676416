"""What one can do with the ledger."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.backdating import keep_dates
from sokho.modules.stock.domain.documents import Document, note_faults
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.errors import (
    AlreadyReversedError,
    CannotReverseReversalError,
    InsufficientStockError,
    StockTransactionNotFoundError,
    refuse,
)
from sokho.modules.stock.domain.minimums import crossings
from sokho.modules.stock.domain.posting import (
    Entered,
    Entry,
    refuse_faults,
    refuse_locked,
    refuse_shortages,
)
from sokho.modules.stock.domain.repository import BY_ID, StockRepository, TransactionFilter


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
        refuse([*document.faults()])
        entry = Entry(id=self._make_id(), document=document, actor=actor, request_key=request_key)
        return await self.enter(entry)

    async def consider(self, document: Document) -> Entered:
        """Return what the books would make of a document; its accounts are held.

        Raises `InvalidError` and its kinds, `InsufficientStockError`, `StockReservedError`.
        """
        refuse([*document.faults()])
        return await self._settled(
            Entry(id=self._make_id(), document=document, actor=""), posts=False
        )

    async def enter(self, entry: Entry) -> StockTransaction:
        """Post an entry.

        Raises as `post`; `InsufficientStockError` also for a document of the past that leaves too
        little at a later date.
        """
        changes: dict[str, object] = {
            "type": {"after": entry.document.type},
            "lines": {"after": len(entry.moves or entry.document.lines)},
        }
        if entry.reverses_id is not None:
            changes["reverses_id"] = {"after": entry.reverses_id}
        self._events.record(Event("stock.posted", str(entry.id), changes))
        entered = await self._settled(entry, posts=True)
        posted = entered.posted
        assert posted is not None
        if entered.before:  # else nothing more belongs to it: it was a transaction of its own
            for event in crossings(posted.id, posted.moves, entered.before):
                self._events.record(event)
            await keep_dates(self._repo, posted, entered.before)
        return posted

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
        entry = Entry(
            id=self._make_id(),
            document=Document(type=original.type, lines=(), note=note, reason=original.reason),
            actor=actor,
            request_key=request_key,
            reverses_id=original.id,
            moves=original.undone(),
        )
        try:
            return await self.enter(entry)
        except InsufficientStockError:
            # Perhaps because another has just reversed it, for whose end this one has waited.
            if (await self.get(transaction_id)).reversed_by_id is not None:
                raise AlreadyReversedError from None
            raise

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

    async def _settled(self, entry: Entry, *, posts: bool) -> Entered:
        """Enter as often as it takes: accounts may have to be opened, what expired to be freed."""
        entered = await self._repo.enter(entry, posts=posts, alone=True)
        refuse_faults(entered, entry)
        if entered.wanted:
            await self._repo.open_accounts(entered.wanted)
        # Within a transaction, so that its accounts are held: it lacked some, or more belongs to
        # it than the document, or what is reserved there may have expired.
        is_settled = entered.posted is not None or not posts or entered.is_refused
        may_have_expired = posts and entered.is_short and entered.reserved
        if entered.wanted or not is_settled or may_have_expired:
            entered = await self._repo.enter(entry, posts=posts)
            refuse_faults(entered, entry)
        reserved = entered.reserved if entered.is_short else []
        if reserved and await self._repo.free_expired(reserved):
            entered = await self._repo.enter(entry, posts=posts)
        refuse_shortages(entered, entry.document.type)
        if posts:
            refuse_locked(entered)
        return entered
