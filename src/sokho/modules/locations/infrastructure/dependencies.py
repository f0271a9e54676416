"""How a request gets its location service."""

from typing import Annotated

from fastapi import Depends

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo


async def get_location_service(transaction: CurrentTransaction) -> LocationService:
    """Return the service on the caller's tenant."""
    return LocationService(PostgresLocationRepo(transaction), transaction)


CurrentLocationService = Annotated[LocationService, Depends(get_location_service)]
