"""How a request gets the service on a business, and the operator's directory of all."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path
from starlette.requests import Request

from sokho.core.dependencies import (
    CurrentTransaction,
    OperatorOrigin,
    open_transaction,
    refuse_untraced,
)
from sokho.core.infrastructure.database import Transaction
from sokho.modules.tenants.domain.repository import TenantDirectory, TenantOpening
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo

TenantId = Annotated[UUID, Path(description="The business's id.")]


async def get_tenant_service(transaction: CurrentTransaction) -> TenantService:
    """Return the service on the caller's own business."""
    return TenantService(PostgresTenantRepo(transaction), transaction)


async def get_named_transaction(
    request: Request, tenant_id: TenantId, origin: OperatorOrigin
) -> AsyncIterator[Transaction]:
    """Yield the transaction bound to the business that the operator names in the path."""
    async with open_transaction(request, tenant_id, origin) as transaction:
        yield transaction
        refuse_untraced(transaction)


async def get_named_tenant_service(
    transaction: Annotated[Transaction, Depends(get_named_transaction, scope="function")],
) -> TenantService:
    """Return the service on the business that the operator names in the path."""
    return TenantService(PostgresTenantRepo(transaction), transaction)


async def get_opening(request: Request) -> TenantOpening:
    """Return what opens businesses."""
    opening: TenantOpening = request.app.state.opening
    return opening


async def get_directory(request: Request) -> TenantDirectory:
    """Return the operator's list of businesses."""
    directory: TenantDirectory = request.app.state.directory
    return directory


CurrentTenantService = Annotated[TenantService, Depends(get_tenant_service)]
NamedTenantService = Annotated[TenantService, Depends(get_named_tenant_service)]
Opening = Annotated[TenantOpening, Depends(get_opening)]
Directory = Annotated[TenantDirectory, Depends(get_directory)]
