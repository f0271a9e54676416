"""``/v1/admin/tenants``: the operator opens, lists, suspends and resumes businesses."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import for_operators
from sokho.core.infrastructure.http.errors import InvalidCursorError
from sokho.core.infrastructure.http.idempotency import IDEMPOTENT
from sokho.core.infrastructure.http.openapi import (
    ETAG,
    LIST_HEADERS,
    NOT_MODIFIED,
    READS_BODY,
    answers,
    location,
    problems,
)
from sokho.core.infrastructure.http.pages import Page
from sokho.core.infrastructure.http.preconditions import IfNoneMatch, etag
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.tenants.application.dto import (
    OpenedTenantResponse,
    TenantCreate,
    TenantListQuery,
    TenantResponse,
    TenantSummaryResponse,
)
from sokho.modules.tenants.domain.entities import TenantSummary
from sokho.modules.tenants.domain.errors import TenantExistsError, TenantNotFoundError
from sokho.modules.tenants.infrastructure.dependencies import (
    Directory,
    NamedTenantService,
    Opening,
    TenantId,
)
from sokho.modules.tenants.infrastructure.http_router import TENANT

router = APIRouter(
    prefix="/v1/admin/tenants",
    tags=["admin"],
    route_class=PreparedRoute,
    dependencies=[for_operators()],
)

SUMMARY: Final = Representation(TenantSummaryResponse, TenantSummary)
NO_TENANT: Final = UUID(int=0)


@router.get(
    "/{tenant_id}",
    response_model=TenantResponse,
    responses=problems(TenantNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_any_tenant(
    tenant_id: TenantId, tenants: NamedTenantService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a business."""
    tenant = await tenants.get(tenant_id)
    return TENANT.conditional(if_none_match, tenant, tenant.version)


@router.get(
    "",
    response_model=list[TenantSummaryResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_tenants(
    request: Request, query: Annotated[TenantListQuery, Query()], directory: Directory
) -> Response:
    """Return a page of the businesses."""
    page = Page(request, NO_TENANT, query)
    found = await directory.list(
        page.wanted, query.offset, descending=query.order.descending, after=page.after
    )
    return await page.response(SUMMARY, found, query.position)


@router.post(
    "",
    status_code=201,
    response_model=OpenedTenantResponse,
    responses=problems(TenantExistsError, *READS_BODY, *IDEMPOTENT)
    | answers(201, ETAG | location("/v1/admin/tenants/019a9f2c-1b02-7aa0-8c33-51d6be7f0e21")),
)
async def post_tenant(body: TenantCreate, opening: Opening) -> Response:
    """Open a business.

    It begins with the usual units and a first key, which is shown only this once.
    """
    opened = await opening.open(**body.model_dump())
    headers = {"Location": f"{router.prefix}/{opened.tenant.id}"} | etag(opened.tenant.version)
    return TENANT.with_secret(opened.tenant, {"api_key": opened.api_key}, headers=headers)


@router.post(
    "/{tenant_id}/suspend",
    response_model=TenantResponse,
    responses=problems(TenantNotFoundError, *IDEMPOTENT) | answers(200, ETAG),
)
async def suspend_tenant(tenant_id: TenantId, tenants: NamedTenantService) -> Response:
    """Suspend a business: its keys are refused within 5 seconds, on every worker."""
    tenant = await tenants.suspend(tenant_id)
    return TENANT.one(tenant, headers=etag(tenant.version))


@router.post(
    "/{tenant_id}/resume",
    response_model=TenantResponse,
    responses=problems(TenantNotFoundError, *IDEMPOTENT) | answers(200, ETAG),
)
async def resume_tenant(tenant_id: TenantId, tenants: NamedTenantService) -> Response:
    """Resume a business: its keys are served again within 5 seconds."""
    tenant = await tenants.resume(tenant_id)
    return TENANT.one(tenant, headers=etag(tenant.version))
