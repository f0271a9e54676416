"""Documents of the past: what was there at each date that followed must still be enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sokho.core.domain.errors import FieldError
from sokho.core.domain.texts import Text
from sokho.modules.stock.domain.entities import Balance, Move, StockTransaction
from sokho.modules.stock.domain.errors import InsufficientStockError
from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.repository import LateLeg, Low, Month, StockRepository

_SHORT: Final = Text(
    vi="Cần {requested}, nhưng vào ngày này chỉ còn {available}: chứng từ sau đó cần phần còn lại.",
    en="{requested} wanted, {available} available at this date: later documents need the rest.",
)


def month_of(account_id: UUID, instant: datetime) -> Month:
    """Return the month, in UTC, that an instant falls into."""
    start = instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Month(account_id, start, (start + timedelta(days=32)).replace(day=1))


@dataclass(slots=True)
class _Dates:
    """What an entry's date asks for."""

    summed: set[Month] = field(default_factory=set)
    """Months whose sums are no longer right, or are needed from now on."""

    read: set[Month] = field(default_factory=set)
    """Of the accounts that it takes from, and that have later moves: months to be read in full."""

    late: list[LateLeg] = field(default_factory=list)
    """Its moves on the accounts that have later ones."""


def _dates(posted: StockTransaction, before: Mapping[UUID, Balance]) -> _Dates:
    dates = _Dates()
    taken = {move.source.account_id for move in posted.moves}
    for account_id in taken | {move.target.account_id for move in posted.moves}:
        balance = before.get(account_id)
        if balance is None or balance.effective_at is None:
            continue
        own = month_of(account_id, posted.effective_at)
        latest = month_of(account_id, balance.effective_at)
        if own != latest:
            dates.summed.add(min(own, latest))
        if account_id in taken and posted.effective_at < balance.effective_at:
            dates.read |= {own, latest}
    for move in posted.moves:
        for side, change in ((move.source, -move.quantity), (move.target, move.quantity)):
            latest_at = _latest(before.get(side.account_id))
            if side.seq is not None and latest_at is not None and posted.effective_at < latest_at:
                dates.late.append(
                    LateLeg(side.account_id, side.seq, posted.effective_at, latest_at, change)
                )
    return dates


def _latest(balance: Balance | None) -> datetime | None:
    return None if balance is None else balance.effective_at


async def keep_dates(
    repo: StockRepository, posted: StockTransaction, before: Mapping[UUID, Balance]
) -> None:
    """Keep sums of months and late legs, and refuse what leaves too little at a later date.

    It is posted already; `before` are the balances that it was made of. Where it is the
    latest of its accounts, in the month of the one before it, nothing is to be done. Raises
    `InsufficientStockError` naming every line of each account that would have fallen short.
    """
    dates = _dates(posted, before)
    late = dates.late
    if dates.summed or (late and not dates.read):
        await repo.sum_up(dates.summed, late)
        late = []
    if not dates.read:
        return
    lows = await repo.lows(dates.read, posted.effective_at, late)
    short = {low.account_id: low for low in lows if low.short_at is not None}
    if not short:
        return
    # Of a month whose sum alone was read it is not known yet on which day it falls short.
    within = {month_of(id, low.short_at) for id, low in short.items() if low.short_at is not None}
    exact = {low.account_id: low.short_at for low in await repo.lows(within, posted.effective_at)}
    raise InsufficientStockError(
        *(
            _shortage(move, posted.moves, short[move.source.account_id], exact)
            for move in posted.moves
            if move.source.account_id in short
        )
    )


def _shortage(
    move: Move, moves: Sequence[Move], low: Low, short_at: Mapping[UUID, datetime | None]
) -> FieldError:
    account_id = move.source.account_id
    asked = sum((m.quantity for m in moves if m.source.account_id == account_id), Decimal(0))
    told = {
        "requested": plain(asked),
        "available": plain(max(asked + low.quantity, Decimal(0))),
    }
    return FieldError(
        f"/lines/{move.line_no - 1}",
        InsufficientStockError.code,
        _SHORT.format(**told),
        {"item_id": move.item_id, "location_id": move.source.location_id}
        | told
        | {"short_at": short_at[account_id]},
    )
