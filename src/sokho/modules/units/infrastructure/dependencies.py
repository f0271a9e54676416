"""How a request gets its unit service."""

from typing import Annotated

from fastapi import Depends

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.units.domain.service import UnitService
from sokho.modules.units.infrastructure.postgres_repo import PostgresUnitRepo


async def get_unit_service(transaction: CurrentTransaction) -> UnitService:
    """Return the service on the caller's tenant."""
    return UnitService(PostgresUnitRepo(transaction), transaction)


CurrentUnitService = Annotated[UnitService, Depends(get_unit_service)]
