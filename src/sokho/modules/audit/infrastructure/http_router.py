"""``/v1/audit-events``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import InvalidCursorError
from sokho.core.infrastructure.http.openapi import LIST_HEADERS, answers, problems
from sokho.core.infrastructure.http.pages import Page
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.audit.application.dto import AuditEventListQuery, AuditEventResponse
from sokho.modules.audit.domain.entities import RecordedEvent
from sokho.modules.audit.infrastructure.dependencies import RecordedEvents

router = APIRouter(prefix="/v1/audit-events", tags=["audit"], route_class=PreparedRoute)

EVENT: Final = Representation(AuditEventResponse, RecordedEvent)

MayRead = Annotated[UUID, tenant_with(Scope.AUDIT_READ)]


@router.get(
    "",
    response_model=list[AuditEventResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_audit_events(
    request: Request,
    query: Annotated[AuditEventListQuery, Query()],
    tenant_id: MayRead,
    recorded: RecordedEvents,
) -> Response:
    """Return a page of what has happened in the business.

    Whoever reads on from the last event by its cursor misses none, however long a transaction
    was open; an event may take as long to appear.
    """
    page = Page(request, tenant_id, query)
    found = await recorded.list(
        query.filter(),
        page.wanted,
        query.offset,
        descending=query.order.descending,
        after=page.after,
    )
    return await page.response(EVENT, found.events, query.position, cut_short=found.cut_short)
