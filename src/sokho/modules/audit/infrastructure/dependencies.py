"""How a request gets its business's recorded events."""

from typing import Annotated

from fastapi import Depends

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.audit.domain.repository import RecordedEventRepository
from sokho.modules.audit.infrastructure.postgres_repo import PostgresRecordedEventRepo


async def get_recorded_events(transaction: CurrentTransaction) -> RecordedEventRepository:
    """Return the events of the caller's tenant."""
    return PostgresRecordedEventRepo(transaction)


RecordedEvents = Annotated[RecordedEventRepository, Depends(get_recorded_events)]
