"""The chore that ends reservations whose time is over: each once, however many processes do it."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sokho.core.domain.identity import HOUSEKEEPING
from sokho.core.infrastructure.database import Database
from sokho.modules.stock.domain.reservation_service import expire
from sokho.modules.stock.infrastructure.postgres_reservations import PostgresReservationRepo
from sokho.modules.stock.infrastructure.reservation_statements import DUE

_BEFORE_ALL: Final = datetime(1, 1, 2, tzinfo=UTC), UUID(int=0)


async def expire_reservations(database: Database, tenant_id: UUID) -> int:
    """Write down which reservations of a business have expired, and return how many that were.

    One round trip where there are none, and a transaction for each: so nobody who posts waits
    for more than one of them. Raises `OverloadedError`.
    """
    expired = 0
    since, behind = _BEFORE_ALL
    while True:
        async with database.transaction(tenant_id, read_only=True) as reading:
            due = await reading.fetch_all(DUE, since=since, behind=behind)
        for row in due:
            async with database.transaction(tenant_id, origin=HOUSEKEEPING) as transaction:
                expired += await expire(
                    PostgresReservationRepo(transaction), transaction, row["id"]
                )
        if not due:
            return expired
        since, behind = due[-1]["expires_at"], due[-1]["id"]
