"""``/v1/tenant``: the caller's own business."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.body import MERGE_PATCH
from sokho.core.infrastructure.http.errors import PreconditionRequiredError
from sokho.core.infrastructure.http.openapi import (
    ETAG,
    NOT_MODIFIED,
    READS_BODY,
    answers,
    problems,
)
from sokho.core.infrastructure.http.preconditions import Expected, IfNoneMatch, etag
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.tenants.application.dto import TenantResponse, TenantUpdate
from sokho.modules.tenants.domain.entities import Tenant
from sokho.modules.tenants.infrastructure.dependencies import CurrentTenantService

router = APIRouter(prefix="/v1/tenant", tags=["tenant"], route_class=PreparedRoute)

TENANT: Final = Representation(TenantResponse, Tenant)

MayRead = Annotated[UUID, tenant_with(Scope.TENANT_READ)]
MayWrite = Annotated[UUID, tenant_with(Scope.TENANT_WRITE)]


@router.get(
    "",
    response_model=TenantResponse,
    responses=problems() | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_tenant(
    tenant_id: MayRead, tenants: CurrentTenantService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the caller's own business."""
    tenant = await tenants.get(tenant_id)
    return TENANT.conditional(if_none_match, tenant, tenant.version)


@router.patch(
    "",
    response_model=TenantResponse,
    responses=problems(PreconditionRequiredError, PreconditionFailedError, *READS_BODY)
    | answers(200, ETAG),
)
async def patch_tenant(
    tenant_id: MayWrite,
    expected: Expected,
    body: Annotated[TenantUpdate, Body(media_type=MERGE_PATCH)],
    tenants: CurrentTenantService,
) -> Response:
    """Change the caller's own business by a merge patch.

    `settings` are the business's own: they are kept, merged, and mean nothing to the service.
    """
    tenant = await tenants.patch(tenant_id, expected, **body.changes())
    return TENANT.one(tenant, headers=etag(tenant.version))
