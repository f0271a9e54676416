"""``/v1/stock/levels`` and ``/v1/stock/moves``."""

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
from sokho.modules.stock.application.reads_dto import (
    CardLineResponse,
    CardQuery,
    LevelListQuery,
    LevelResponse,
)
from sokho.modules.stock.domain.reads import CardLine, Level
from sokho.modules.stock.infrastructure.dependencies import CurrentStockReads

router = APIRouter(prefix="/v1/stock", tags=["stock"], route_class=PreparedRoute)

LEVEL: Final = Representation(LevelResponse, Level)
CARD_LINE: Final = Representation(CardLineResponse, CardLine)

MayRead = Annotated[UUID, tenant_with(Scope.STOCK_READ)]


@router.get(
    "/levels",
    response_model=list[LevelResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_stock_levels(
    request: Request,
    query: Annotated[LevelListQuery, Query()],
    tenant_id: MayRead,
    stock: CurrentStockReads,
) -> Response:
    """Return a page of what there is, by item and location."""
    page = Page(request, tenant_id, query)
    found = await stock.levels(
        query.filter(),
        page.wanted,
        query.offset,
        descending=query.order.descending,
        after=page.after,
    )
    return await page.response(LEVEL, found, query.position)


@router.get(
    "/moves",
    response_model=list[CardLineResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_stock_moves(
    request: Request,
    query: Annotated[CardQuery, Query()],
    tenant_id: MayRead,
    stock: CurrentStockReads,
) -> Response:
    """Return a page of the stock card (thẻ kho) of an item at a location.

    Each line has the balance after it, in the order of the card: as it was posted, or by the
    documents' dates.
    """
    page = Page(request, tenant_id, query)
    found = await stock.card(
        query.filter(), page.wanted, query.offset, sort=query.order, after=page.after
    )
    return await page.response(CARD_LINE, found, query.position)
