"""What one can do with stocktakes."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.modules.stock.domain.counts import (
    Count,
    CountClosedError,
    CountFilter,
    CountLine,
    CountNotFoundError,
    CountRepository,
    CountState,
    Entry,
    TooManyDifferencesError,
    added_up,
    refuse_barcodes,
    refuse_misnamed,
)
from sokho.modules.stock.domain.documents import (
    MOST_LINES,
    Document,
    Line,
    Reason,
    TransactionType,
    note_faults,
)
from sokho.modules.stock.domain.errors import QuantityOutOfRangeError, fault, refuse
from sokho.modules.stock.domain.quantities import LIMIT
from sokho.modules.stock.domain.service import StockService

_ENDS: Final = {
    CountState.POSTED: "stock.count_posted",
    CountState.CANCELLED: "stock.count_cancelled",
}


class CountService:
    """The business operations on stocktakes, each one step of one transaction."""

    def __init__(
        self,
        repo: CountRepository,
        stock: StockService,
        events: EventLog,
        *,
        make_id: Callable[[], UUID] = new_id,
    ) -> None:
        self._repo = repo
        self._stock = stock
        self._events = events
        self._make_id = make_id

    async def open(self, location_id: UUID, *, note: str | None, actor: str) -> Count:
        """Open a stocktake: what the books have at the location now is what is expected there.

        Raises `InvalidError`, `UnknownLocationError`, `LocationArchivedError`, `CountOpenError`.
        """
        refuse([*note_faults(note)])
        id = self._make_id()
        self._record("stock.count_opened", id, location_id={"after": location_id})
        return await self._repo.open(id, location_id, note, actor)

    async def enter(self, count_id: UUID, entries: Sequence[Entry]) -> Sequence[CountLine]:
        """Take in what somebody has counted, and return the lines of these items.

        Entries of one item add up, also those of several people, unless one replaces what was
        counted before. Raises `CountNotFoundError`, `CountClosedError`, `InvalidError` and its
        kinds.
        """
        refuse_misnamed(entries)
        count = await self._held(count_id)
        barcodes = {entry.barcode for entry in entries if entry.barcode is not None}
        found = await self._repo.items_with(barcodes) if barcodes else {}
        refuse_barcodes(entries, found)
        lines = tuple(
            Line(
                item_id=entry.item_id if entry.barcode is None else found[entry.barcode][0],
                sku=entry.sku,
                # A document has no line of nothing; that nothing is there can be counted.
                quantity=entry.quantity or Decimal(1),
                unit=entry.unit if entry.quantity else None,
                to_location_id=count.location_id,
            )
            for entry in entries
        )
        considered = await self._stock.consider(
            Document(type=TransactionType.ADJUSTMENT, reason=Reason.COUNT, lines=lines)
        )
        counted = [
            (move.item_id, move.quantity if entry.quantity else Decimal(0), entry.replaces)
            for move, entry in zip(considered.moves, entries, strict=True)
        ]
        item_ids = [item_id for item_id, _, _ in counted]
        after = added_up(await self._repo.counted(count_id, item_ids), counted)
        refuse(
            [
                fault(f"/lines/{number}/quantity", QuantityOutOfRangeError)
                for number, item_id in enumerate(item_ids)
                if after[item_id] >= LIMIT
            ]
        )
        self._record("stock.counted", count_id, lines={"after": len(entries)})
        await self._repo.write(count_id, after)
        return await self._repo.lines_of(count_id, item_ids)

    async def post(
        self,
        count_id: UUID,
        *,
        uncounted_as_zero: bool,
        actor: str,
        request_key: bytes | None = None,
    ) -> Count:
        """Post the differences as one adjustment of now, and keep the sheet.

        What has moved since the stocktake was opened stays moved. Items that nobody has counted
        are left as they are, unless they count as nothing. Raises `CountNotFoundError`,
        `CountClosedError`, `TooManyDifferencesError`, and as `StockService.post`.
        """
        count = await self._held(count_id)
        differing = await self._repo.differing(
            count_id, MOST_LINES + 1, uncounted_as_zero=uncounted_as_zero
        )
        if len(differing) > MOST_LINES:
            raise TooManyDifferencesError
        transaction_id = None
        if differing:
            document = Document(
                type=TransactionType.ADJUSTMENT,
                reason=Reason.COUNT,
                note=count.note,
                lines=tuple(_line(item_id, by, count.location_id) for item_id, by in differing),
            )
            posted = await self._stock.post(document, actor=actor, request_key=request_key)
            transaction_id = posted.id
        return await self._closed(
            replace(count, state=CountState.POSTED, transaction_id=transaction_id)
        )

    async def cancel(self, count_id: UUID) -> Count:
        """End a stocktake without posting; raises `CountNotFoundError`, `CountClosedError`."""
        count = await self._held(count_id)
        return await self._closed(replace(count, state=CountState.CANCELLED))

    async def get(self, count_id: UUID) -> Count:
        """Return a stocktake; raises `CountNotFoundError`."""
        count = await self._repo.get(count_id)
        if count is None:
            raise CountNotFoundError(count_id)
        return count

    async def list(
        self,
        filter: CountFilter,
        *,
        sort: Sort,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[Count]:
        """Return a page of stocktakes in order."""
        return await self._repo.list(filter, limit, offset, sort=sort, after=after)

    async def sheet(
        self,
        count_id: UUID,
        *,
        sort: Sort,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[CountLine]:
        """Return a page of the sheet (biên bản kiểm kê); raises `CountNotFoundError`."""
        lines = await self._repo.lines(count_id, limit, offset, sort=sort, after=after)
        if not lines:
            await self.get(count_id)
        return lines

    async def _held(self, count_id: UUID) -> Count:
        count = await self._repo.hold(count_id)
        if count is None:
            raise CountNotFoundError(count_id)
        if count.state is not CountState.OPEN:
            raise CountClosedError
        return count

    async def _closed(self, count: Count) -> Count:
        changes: dict[str, object] = {"state": {"before": CountState.OPEN, "after": count.state}}
        if count.transaction_id is not None:
            changes["transaction_id"] = {"before": None, "after": count.transaction_id}
        self._record(_ENDS[count.state], count.id, **changes)
        return await self._repo.close(count)

    def _record(self, type: str, count_id: UUID, **changes: object) -> None:
        self._events.record(Event(type, str(count_id), changes))


def _line(item_id: UUID, by: Decimal, location_id: UUID) -> Line:
    return Line(
        item_id=item_id,
        quantity=abs(by),
        from_location_id=location_id if by < 0 else None,
        to_location_id=location_id if by > 0 else None,
    )
