"""``/v1/items``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import InvalidCursorError
from sokho.core.infrastructure.http.openapi import READS_BODY, problems
from sokho.core.infrastructure.http.pages import Page
from sokho.core.infrastructure.http.responses import Representation, etag
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.items.application.dto import ItemCreate, ItemListQuery, ItemResponse
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import DuplicateSKUError, ItemNotFoundError
from sokho.modules.items.infrastructure.dependencies import CurrentItemService

router = APIRouter(prefix="/v1/items", tags=["items"], route_class=PreparedRoute)

ITEM = Representation(ItemResponse, Item)

MayRead = Annotated[UUID, tenant_with(Scope.ITEMS_READ)]
MayWrite = Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)]


@router.get(
    "/{item_id}",
    dependencies=[tenant_with(Scope.ITEMS_READ)],
    response_model=ItemResponse,
    responses=problems(ItemNotFoundError),
)
async def get_item(item_id: UUID, items: CurrentItemService) -> Response:
    """Return one item."""
    item = await items.get(item_id)
    return ITEM.one(item, headers=etag(item.version))


@router.get("", response_model=list[ItemResponse], responses=problems(InvalidCursorError))
async def list_items(
    request: Request,
    query: Annotated[ItemListQuery, Query()],
    tenant_id: MayRead,
    items: CurrentItemService,
) -> Response:
    """Return a page of items; the next page's address stands in the `Link` header."""
    page = Page(request, tenant_id, query)
    found = await items.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(ITEM, found, query.position)


@router.post(
    "",
    status_code=201,
    response_model=ItemResponse,
    responses=problems(DuplicateSKUError, *READS_BODY),
)
async def post_item(body: ItemCreate, tenant_id: MayWrite, items: CurrentItemService) -> Response:
    """Add an item."""
    item = await items.create(tenant_id, **body.model_dump())
    location = {"Location": f"{router.prefix}/{item.id}"}
    return ITEM.one(item, status=201, headers=etag(item.version) | location)
