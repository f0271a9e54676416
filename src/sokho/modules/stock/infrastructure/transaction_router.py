"""``/v1/stock/transactions``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import COMMITS_WITH_CHANGE, CurrentPrincipal, RequestKey, tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import InvalidCursorError
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
from sokho.modules.stock.application.dto import (
    ShownTransaction,
    TransactionCreate,
    TransactionListQuery,
    TransactionResponse,
    TransactionReverse,
)
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.errors import (
    AlreadyReversedError,
    CannotReverseReversalError,
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
    SameAccountError,
    StockReservedError,
    StockTransactionNotFoundError,
    UnknownItemError,
    UnknownLocationError,
)
from sokho.modules.stock.infrastructure.dependencies import CurrentStockService

router = APIRouter(prefix="/v1/stock/transactions", tags=["stock"], route_class=PreparedRoute)

TRANSACTION: Final = Representation(TransactionResponse, ShownTransaction)

TransactionId = Annotated[UUID, Path(description="The document's id.")]
MayRead = Annotated[UUID, tenant_with(Scope.STOCK_READ)]

_LOCATION: Final = location("/v1/stock/transactions/019a9f2c-9d02-7be4-b1c6-0f6d52a7e811")
_POSTS: Final = (*READS_BODY, *IDEMPOTENT, IdempotencyKeyRequiredError, DuplicateRequestError)


@router.get(
    "/{transaction_id}",
    dependencies=[tenant_with(Scope.STOCK_READ)],
    response_model=TransactionResponse,
    responses=problems(StockTransactionNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_stock_transaction(
    transaction_id: TransactionId, stock: CurrentStockService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a posted document."""
    return TRANSACTION.conditional(
        if_none_match, ShownTransaction.of(await stock.get(transaction_id))
    )


@router.get(
    "",
    response_model=list[TransactionResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_stock_transactions(
    request: Request,
    query: Annotated[TransactionListQuery, Query()],
    tenant_id: MayRead,
    stock: CurrentStockService,
) -> Response:
    """Return a page of posted documents."""
    page = Page(request, tenant_id, query)
    found = await stock.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    shown = [ShownTransaction.of(each) for each in found]
    return await page.response(TRANSACTION, shown, query.position)


@router.post(
    "",
    dependencies=[tenant_with(Scope.STOCK_WRITE), COMMITS_WITH_CHANGE],
    status_code=201,
    response_model=TransactionResponse,
    responses=problems(
        InsufficientStockError,
        StockReservedError,
        DuplicateDocumentNoError,
        DuplicateExternalRefError,
        EffectiveAtInFutureError,
        ItemArchivedError,
        LocationArchivedError,
        PeriodLockedError,
        QuantityOutOfRangeError,
        QuantityPrecisionError,
        SameAccountError,
        UnknownItemError,
        UnknownLocationError,
        *_POSTS,
    )
    | answers(201, _LOCATION),
)
async def post_stock_transaction(
    body: TransactionCreate,
    principal: CurrentPrincipal,
    request_key: RequestKey,
    stock: CurrentStockService,
) -> Response:
    """Post a document: receipt, issue, transfer or adjustment, whole or not at all.

    It is never changed afterwards: what was wrong is reversed. Where there is not enough,
    `errors` tells for each line what it asks for and what is available.
    """
    return _made(await stock.post(body.document(), actor=principal.actor, request_key=request_key))


@router.post(
    "/{transaction_id}/reverse",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    status_code=201,
    response_model=TransactionResponse,
    responses=problems(
        StockTransactionNotFoundError,
        AlreadyReversedError,
        CannotReverseReversalError,
        InsufficientStockError,
        StockReservedError,
        LocationArchivedError,
        QuantityOutOfRangeError,
        *_POSTS,
    )
    | answers(201, _LOCATION),
)
async def reverse_stock_transaction(
    transaction_id: TransactionId,
    body: TransactionReverse,
    principal: CurrentPrincipal,
    request_key: RequestKey,
    stock: CurrentStockService,
) -> Response:
    """Undo a document by another of now, with the same quantities the other way."""
    posted = await stock.reverse(
        transaction_id, note=body.note, actor=principal.actor, request_key=request_key
    )
    return _made(posted)


def _made(posted: StockTransaction) -> Response:
    shown = ShownTransaction.of(posted)
    return TRANSACTION.one(shown, status=201, headers={"Location": f"{router.prefix}/{shown.id}"})
