"""How a request gets its item service."""

from typing import Annotated

from fastapi import Depends

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo


async def get_item_service(transaction: CurrentTransaction) -> ItemService:
    """Return the service on the caller's tenant."""
    return ItemService(PostgresItemRepo(transaction), transaction)


CurrentItemService = Annotated[ItemService, Depends(get_item_service)]
