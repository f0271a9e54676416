"""``/v1/stock/counts``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import CurrentPrincipal, RequestKey, tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import InvalidCursorError
from sokho.core.infrastructure.http.idempotency import IDEMPOTENT, IdempotencyKeyRequiredError
from sokho.core.infrastructure.http.openapi import (
    LIST_HEADERS,
    READS_BODY,
    answers,
    location,
    problems,
)
from sokho.core.infrastructure.http.pages import Page
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.stock.application.count_dto import (
    CountedResponse,
    CountEntries,
    CountLineResponse,
    CountListQuery,
    CountOpen,
    CountPost,
    CountResponse,
    CountSheetQuery,
    ShownCounted,
    ShownCountLine,
)
from sokho.modules.stock.domain.counts import (
    Count,
    CountClosedError,
    CountNotFoundError,
    CountOpenError,
    TooManyDifferencesError,
)
from sokho.modules.stock.domain.errors import (
    DuplicateRequestError,
    InsufficientStockError,
    ItemArchivedError,
    LocationArchivedError,
    PeriodLockedError,
    QuantityOutOfRangeError,
    QuantityPrecisionError,
    UnknownItemError,
    UnknownLocationError,
)
from sokho.modules.stock.infrastructure.dependencies import CurrentCountService

router = APIRouter(prefix="/v1/stock/counts", tags=["stock"], route_class=PreparedRoute)

COUNT: Final = Representation(CountResponse, Count)
COUNTED: Final = Representation(CountedResponse, ShownCounted)
LINE: Final = Representation(CountLineResponse, ShownCountLine)

CountId = Annotated[UUID, Path(description="The stocktake's id.")]
MayRead = Annotated[UUID, tenant_with(Scope.STOCK_READ)]

_LOCATION: Final = location("/v1/stock/counts/019a9f2c-9d02-7be4-b1c6-0f6d52a7e811")
_POSTS: Final = (*READS_BODY, *IDEMPOTENT, IdempotencyKeyRequiredError)
_ONE: Final = (CountNotFoundError, CountClosedError)


@router.post(
    "",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    status_code=201,
    response_model=CountResponse,
    responses=problems(CountOpenError, UnknownLocationError, LocationArchivedError, *_POSTS)
    | answers(201, _LOCATION),
)
async def open_stock_count(
    body: CountOpen, principal: CurrentPrincipal, _: RequestKey, counts: CurrentCountService
) -> Response:
    """Begin a stocktake (kiểm kê) of one location.

    What the books have there at this moment is what is expected; what moves later is not counted.
    """
    opened = await counts.open(body.location_id, note=body.note, actor=principal.actor)
    return COUNT.one(opened, status=201, headers={"Location": f"{router.prefix}/{opened.id}"})


@router.get(
    "",
    response_model=list[CountResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_stock_counts(
    request: Request,
    query: Annotated[CountListQuery, Query()],
    tenant_id: MayRead,
    counts: CurrentCountService,
) -> Response:
    """Return a page of stocktakes."""
    page = Page(request, tenant_id, query)
    found = await counts.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(COUNT, found, query.position)


@router.get(
    "/{count_id}",
    dependencies=[tenant_with(Scope.STOCK_READ)],
    response_model=CountResponse,
    responses=problems(CountNotFoundError),
)
async def get_stock_count(count_id: CountId, counts: CurrentCountService) -> Response:
    """Return a stocktake."""
    return COUNT.one(await counts.get(count_id))


@router.get(
    "/{count_id}/lines",
    response_model=list[CountLineResponse],
    responses=problems(InvalidCursorError, CountNotFoundError) | answers(200, LIST_HEADERS),
)
async def list_stock_count_lines(
    request: Request,
    count_id: CountId,
    query: Annotated[CountSheetQuery, Query()],
    tenant_id: MayRead,
    counts: CurrentCountService,
) -> Response:
    """Return a page of the sheet (biên bản kiểm kê): expected, counted, surplus and shortage."""
    page = Page(request, tenant_id, query)
    found = await counts.sheet(
        count_id, sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    shown = [ShownCountLine.of(line) for line in found]
    return await page.response(LINE, shown, query.position)


@router.post(
    "/{count_id}/lines",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    response_model=CountedResponse,
    responses=problems(
        *_ONE,
        ItemArchivedError,
        LocationArchivedError,
        QuantityOutOfRangeError,
        QuantityPrecisionError,
        UnknownItemError,
        *_POSTS,
    ),
)
async def enter_stock_count_lines(
    count_id: CountId, body: CountEntries, _: RequestKey, counts: CurrentCountService
) -> Response:
    """Enter what was counted: by item, SKU or barcode, from several people at once.

    Entries of one item add up; one that `replaces` begins anew. The answer is the items' lines.
    """
    lines = await counts.enter(count_id, [line.entry() for line in body.lines])
    return COUNTED.one(ShownCounted([ShownCountLine.of(line) for line in lines]))


@router.post(
    "/{count_id}/post",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    response_model=CountResponse,
    responses=problems(
        *_ONE,
        TooManyDifferencesError,
        InsufficientStockError,
        ItemArchivedError,
        LocationArchivedError,
        PeriodLockedError,
        QuantityOutOfRangeError,
        DuplicateRequestError,
        *_POSTS,
    ),
)
async def post_stock_count(
    count_id: CountId,
    body: CountPost,
    principal: CurrentPrincipal,
    request_key: RequestKey,
    counts: CurrentCountService,
) -> Response:
    """Post the differences as one adjustment, and close the stocktake.

    The differences and not the counts: what has moved since it was opened stays moved.
    """
    posted = await counts.post(
        count_id,
        uncounted_as_zero=body.uncounted_as_zero,
        actor=principal.actor,
        request_key=request_key,
    )
    return COUNT.one(posted)


@router.post(
    "/{count_id}/cancel",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    response_model=CountResponse,
    responses=problems(*_ONE, *IDEMPOTENT, IdempotencyKeyRequiredError),
)
async def cancel_stock_count(
    count_id: CountId, _: RequestKey, counts: CurrentCountService
) -> Response:
    """Close a stocktake without posting anything; its sheet stays."""
    return COUNT.one(await counts.cancel(count_id))
