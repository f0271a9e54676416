"""Reservations in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import ConstraintViolationError, Row, Transaction
from sokho.core.infrastructure.database.keyset import page_values
from sokho.modules.stock.domain.errors import DuplicateRequestError
from sokho.modules.stock.domain.reservation_repository import (
    BY_ID,
    ReservationFilter,
    ReservationRepository,
)
from sokho.modules.stock.domain.reservations import Reservation, ReservationState, ReservedLine
from sokho.modules.stock.infrastructure.reservation_statements import (
    ADD,
    CLOSE,
    EXTEND,
    HOLD,
    LINES,
    reservations_statement,
)

_REQUEST: Final = "stock_reservations_tenant_id_request_key_key"


class PostgresReservationRepo(ReservationRepository):
    """The reservations of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def add(self, reservation: Reservation, *, actor: str, request_key: bytes | None) -> None:
        lines = reservation.lines
        try:
            await self._tx.fetch_all(
                ADD,
                id=reservation.id,
                created_at=reservation.created_at,
                expires_at=reservation.expires_at,
                actor=actor,
                request_key=request_key,
                line_no=[line.line_no for line in lines],
                item_id=[line.item_id for line in lines],
                account_id=[line.account_id for line in lines],
                quantity=[line.quantity for line in lines],
                entered_quantity=[line.entered_quantity for line in lines],
                entered_unit=[line.entered_unit for line in lines],
            )
        except ConstraintViolationError as violation:
            if violation.constraint == _REQUEST:
                raise DuplicateRequestError from violation
            raise

    async def hold(self, id: UUID) -> bool:
        return bool(await self._tx.fetch_all(HOLD, id=id))

    async def get(self, id: UUID) -> Reservation | None:
        found = await self._with_lines([id])
        return found[0] if found else None

    async def close(
        self, id: UUID, state: ReservationState, *, transaction_id: UUID | None = None
    ) -> None:
        await self._tx.fetch_all(CLOSE, id=id, state_=state, transaction=transaction_id)

    async def extend(self, id: UUID, expires_at: datetime) -> None:
        await self._tx.fetch_all(EXTEND, id_=id, until=expires_at)

    async def list(
        self,
        filter: ReservationFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> Sequence[Reservation]:
        statement = reservations_statement(
            filter.state, descending=sort.descending, resumed=after is not None
        )
        rows = await self._tx.fetch_all(statement, **page_values(limit, offset, after))
        found = await self._with_lines([row["id"] for row in rows]) if rows else []
        return found[::-1] if sort.descending else found

    async def _with_lines(self, ids: Sequence[UUID]) -> Sequence[Reservation]:
        rows = await self._tx.fetch_all(LINES, ids=ids)
        return [_to_reservation([*of_one]) for _, of_one in groupby(rows, lambda row: row["id"])]


_LINE: Final = (
    *("line_no", "item_id", "sku", "location_id", "quantity", "entered_quantity", "entered_unit"),
    *("decimals", "entered_decimals", "account_id", "customer_account_id", "is_held"),
)


def _to_reservation(rows: Sequence[Row]) -> Reservation:
    first = rows[0]
    return Reservation(
        id=first["id"],
        recorded_state=ReservationState(first["state"]),
        created_at=first["created_at"],
        expires_at=first["expires_at"],
        transaction_id=first["transaction_id"],
        lines=tuple(ReservedLine(**{name: row[name] for name in _LINE}) for row in rows),
        seen_at=first["now"],
    )
