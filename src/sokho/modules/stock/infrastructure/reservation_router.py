"""``/v1/stock/reservations``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import CurrentPrincipal, RequestKey, get_request_key, tenant_with
from sokho.core.domain.errors import InvalidError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import (
    BodyTooLargeError,
    InvalidCursorError,
    RequestTimeoutError,
)
from sokho.core.infrastructure.http.idempotency import IDEMPOTENT, IdempotencyKeyRequiredError
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
from sokho.core.infrastructure.http.preconditions import IfNoneMatch
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.stock.application.reservation_dto import (
    ReservationConfirm,
    ReservationCreate,
    ReservationExtend,
    ReservationListQuery,
    ReservationResponse,
    ShownReservation,
)
from sokho.modules.stock.domain.errors import (
    DuplicateDocumentNoError,
    DuplicateExternalRefError,
    DuplicateRequestError,
    EffectiveAtInFutureError,
    InsufficientStockError,
    ItemArchivedError,
    LocationArchivedError,
    PeriodLockedError,
    QuantityOutOfRangeError,
    QuantityPrecisionError,
    ReservationClosedError,
    ReservationExpiredError,
    ReservationNotFoundError,
    UnknownItemError,
    UnknownLocationError,
)
from sokho.modules.stock.domain.reservations import Reservation
from sokho.modules.stock.infrastructure.dependencies import CurrentReservationService

router = APIRouter(prefix="/v1/stock/reservations", tags=["stock"], route_class=PreparedRoute)

RESERVATION: Final = Representation(ReservationResponse, ShownReservation)

ReservationId = Annotated[UUID, Path(description="The reservation's id.")]
MayRead = Annotated[UUID, tenant_with(Scope.STOCK_READ)]

_LOCATION: Final = location("/v1/stock/reservations/019a9f2c-9e13-7a51-8b0d-3f6a0d7c1e22")
_KEYED: Final = (*IDEMPOTENT, IdempotencyKeyRequiredError)
_OF_OPEN: Final = (ReservationNotFoundError, ReservationExpiredError, ReservationClosedError)


@router.get(
    "/{reservation_id}",
    dependencies=[tenant_with(Scope.STOCK_READ)],
    response_model=ReservationResponse,
    responses=problems(ReservationNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_stock_reservation(
    reservation_id: ReservationId,
    reservations: CurrentReservationService,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a reservation."""
    found = await reservations.get(reservation_id)
    return RESERVATION.conditional(if_none_match, ShownReservation.of(found))


@router.get(
    "",
    response_model=list[ReservationResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_stock_reservations(
    request: Request,
    query: Annotated[ReservationListQuery, Query()],
    tenant_id: MayRead,
    reservations: CurrentReservationService,
) -> Response:
    """Return a page of reservations."""
    page = Page(request, tenant_id, query)
    found = await reservations.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    shown = [ShownReservation.of(each) for each in found]
    return await page.response(RESERVATION, shown, query.position)


@router.post(
    "",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    status_code=201,
    response_model=ReservationResponse,
    responses=problems(
        InsufficientStockError,
        DuplicateRequestError,
        ItemArchivedError,
        LocationArchivedError,
        QuantityOutOfRangeError,
        QuantityPrecisionError,
        UnknownItemError,
        UnknownLocationError,
        *READS_BODY,
        *_KEYED,
    )
    | answers(201, _LOCATION),
)
async def post_stock_reservation(
    body: ReservationCreate,
    principal: CurrentPrincipal,
    request_key: RequestKey,
    reservations: CurrentReservationService,
) -> Response:
    """Keep goods for somebody for a while: all lines or none.

    They stay on hand, and are no longer available to anybody else. What is not confirmed in time
    is free again.
    """
    with _told_of_place():
        made = await reservations.reserve(
            body.document(), body.expires_in, actor=principal.actor, request_key=request_key
        )
    address = f"{router.prefix}/{made.id}"
    return RESERVATION.one(ShownReservation.of(made), status=201, headers={"Location": address})


@router.post(
    "/{reservation_id}/confirm",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    response_model=ReservationResponse,
    responses=problems(
        *_OF_OPEN,
        DuplicateDocumentNoError,
        DuplicateExternalRefError,
        DuplicateRequestError,
        EffectiveAtInFutureError,
        InsufficientStockError,
        PeriodLockedError,
        QuantityOutOfRangeError,
        QuantityPrecisionError,
        *READS_BODY,
        *_KEYED,
    ),
)
async def confirm_stock_reservation(
    reservation_id: ReservationId,
    body: Annotated[ReservationConfirm, Body(default_factory=ReservationConfirm)],
    principal: CurrentPrincipal,
    request_key: RequestKey,
    reservations: CurrentReservationService,
) -> Response:
    """Issue what is reserved, or a part of it, by one document; what is left over is free."""
    confirmed = await reservations.confirm(
        reservation_id,
        body.header(),
        body.quantities(),
        actor=principal.actor,
        request_key=request_key,
    )
    return _shown(confirmed)


@router.post(
    "/{reservation_id}/release",
    dependencies=[tenant_with(Scope.STOCK_WRITE), Depends(get_request_key)],
    response_model=ReservationResponse,
    # It takes no body, but its key stands for one all the same.
    responses=problems(*_OF_OPEN, *_KEYED, RequestTimeoutError, BodyTooLargeError),
)
async def release_stock_reservation(
    reservation_id: ReservationId, reservations: CurrentReservationService
) -> Response:
    """Give free what is reserved."""
    return _shown(await reservations.release(reservation_id))


@router.post(
    "/{reservation_id}/extend",
    dependencies=[tenant_with(Scope.STOCK_WRITE), Depends(get_request_key)],
    response_model=ReservationResponse,
    responses=problems(*_OF_OPEN, *READS_BODY, *_KEYED),
)
async def extend_stock_reservation(
    reservation_id: ReservationId,
    body: ReservationExtend,
    reservations: CurrentReservationService,
) -> Response:
    """Let a reservation last for so long from now, if it would not anyway."""
    return _shown(await reservations.extend(reservation_id, body.expires_in))


def _shown(reservation: Reservation) -> Response:
    return RESERVATION.one(ShownReservation.of(reservation))


@contextmanager
def _told_of_place() -> Iterator[None]:
    """Tell faults of where an issue would take from as those of the reservation's own field."""
    try:
        yield
    except InvalidError as error:
        raise type(error)(
            *(
                replace(fault, pointer=fault.pointer.replace("/from_location_id", "/location_id"))
                for fault in error.errors
            )
        ) from error
