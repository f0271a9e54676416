"""How a request gets the service on a business, and the operator's directory of all."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path
from starlette.requests import Request

from sokho.core.dependencies import CurrentTransaction, OperatorOrigin, open_transaction
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Transaction
from sokho.core.infrastructure.http.idempotency import id_from, idempotency_key
from sokho.modules.tenants.domain.repository import TenantDirectory, TenantOpening
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo

TenantId = Annotated[UUID, Path(description="The business's id.")]


async def get_tenant_service(transaction: CurrentTransaction) -> TenantService:
    """Return the service on the caller's own business."""
    return TenantService(PostgresTenantRepo(transaction), transaction)


async def get_named_transaction(
    request: Request, tenant_id: TenantId, origin: OperatorOrigin
) -> Transaction:
    """Return the transaction bound to the business that the operator names in the path."""
    return open_transaction(request, tenant_id, origin)


async def get_named_tenant_service(
    transaction: Annotated[Transaction, Depends(get_named_transaction, scope="function")],
) -> TenantService:
    """Return the service on the business that the operator names in the path."""
    return TenantService(PostgresTenantRepo(transaction), transaction)


async def get_fresh_transaction(request: Request, origin: OperatorOrigin) -> Transaction:
    """Return the transaction bound to a business that does not exist yet.

    With an Idempotency-Key its id follows from the key, so that a request sent again finds what
    the first one made.
    """
    key = idempotency_key(request)
    tenant_id = new_id() if key is None else id_from(key)
    return open_transaction(request, tenant_id, origin)


async def get_opening(
    request: Request,
    transaction: Annotated[Transaction, Depends(get_fresh_transaction, scope="function")],
) -> TenantOpening:
    """Return what opens a business."""
    opening: TenantOpening = request.app.state.opening(transaction)
    return opening


async def get_directory(request: Request) -> TenantDirectory:
    """Return the operator's list of businesses."""
    directory: TenantDirectory = request.app.state.directory
    return directory


CurrentTenantService = Annotated[TenantService, Depends(get_tenant_service)]
NamedTenantService = Annotated[TenantService, Depends(get_named_tenant_service)]
Opening = Annotated[TenantOpening, Depends(get_opening)]
Directory = Annotated[TenantDirectory, Depends(get_directory)]
