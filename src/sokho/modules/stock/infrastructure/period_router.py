"""``/v1/stock/period-lock``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from sokho.core.dependencies import CurrentPrincipal, tenant_with
from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.openapi import READS_BODY, problems
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.stock.application.period_dto import PeriodLockPut, PeriodLockResponse
from sokho.modules.stock.domain.periods import PeriodLock
from sokho.modules.stock.infrastructure.dependencies import CurrentPeriodService

router = APIRouter(prefix="/v1/stock/period-lock", tags=["stock"], route_class=PreparedRoute)

LOCK: Final = Representation(PeriodLockResponse, PeriodLock)

MayLock = Annotated[UUID, tenant_with(Scope.STOCK_LOCK)]


@router.get("", response_model=PeriodLockResponse, responses=problems())
async def get_period_lock(_: MayLock, periods: CurrentPeriodService) -> Response:
    """Return up to when the books are locked."""
    return LOCK.one(await periods.current())


@router.put(
    "",
    response_model=PeriodLockResponse,
    responses=problems(PreconditionFailedError, *READS_BODY),
)
async def put_period_lock(
    body: PeriodLockPut,
    _: MayLock,
    principal: CurrentPrincipal,
    periods: CurrentPeriodService,
) -> Response:
    """Lock the books up to a time (khóa sổ), or reopen what was locked from there on.

    It waits for those who post at this moment. Each change is kept, and an event.
    """
    lock = await periods.set(body.locked_before, version=body.version, actor=principal.actor)
    return LOCK.one(lock)
