"""``/v1/items``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import COMMITS_WITH_CHANGE, tenant_with
from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.body import MERGE_PATCH
from sokho.core.infrastructure.http.errors import InvalidCursorError, PreconditionRequiredError
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
from sokho.core.infrastructure.http.preconditions import Expected, IfNoneMatch, etag
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.items.application.dto import (
    ItemBatchRequest,
    ItemBatchResponse,
    ItemCreate,
    ItemListQuery,
    ItemResponse,
    ItemUpdate,
)
from sokho.modules.items.domain.batch import BatchResult
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.errors import (
    DuplicateSKUError,
    DuplicateSKUInBatchError,
    ItemInUseError,
    ItemNotFoundError,
    UnitInUseError,
)
from sokho.modules.items.infrastructure.dependencies import CurrentItemService

router = APIRouter(prefix="/v1/items", tags=["items"], route_class=PreparedRoute)

ITEM: Final = Representation(ItemResponse, Item)
BATCH: Final = Representation(ItemBatchResponse, BatchResult)

MayRead = Annotated[UUID, tenant_with(Scope.ITEMS_READ)]
MayWrite = Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)]

ItemId = Annotated[UUID, Path(description="The item's id.")]

_STALE = (PreconditionRequiredError, PreconditionFailedError)


@router.get(
    "/{item_id}",
    dependencies=[tenant_with(Scope.ITEMS_READ)],
    response_model=ItemResponse,
    responses=problems(ItemNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_item(
    item_id: ItemId, items: CurrentItemService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return one item."""
    item = await items.get(item_id)
    return ITEM.conditional(if_none_match, item, item.version)


@router.get(
    "",
    response_model=list[ItemResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_items(
    request: Request,
    query: Annotated[ItemListQuery, Query()],
    tenant_id: MayRead,
    items: CurrentItemService,
) -> Response:
    """Return a page of items.

    The next page's address stands in the `Link` header. A scan by cursor misses and repeats
    nothing that stays as it is meanwhile.
    """
    page = Page(request, tenant_id, query)
    found = await items.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(ITEM, found, query.position)


@router.post(
    "",
    dependencies=[COMMITS_WITH_CHANGE],
    status_code=201,
    response_model=ItemResponse,
    responses=problems(DuplicateSKUError, *READS_BODY, *IDEMPOTENT)
    | answers(201, ETAG | location("/v1/items/019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55")),
)
async def post_item(body: ItemCreate, tenant_id: MayWrite, items: CurrentItemService) -> Response:
    """Add an item."""
    item = await items.create(tenant_id, **vars(body))
    headers = etag(item.version) | {"Location": f"{router.prefix}/{item.id}"}
    return ITEM.one(item, status=201, headers=headers)


@router.post(
    "/batch",
    response_model=ItemBatchResponse,
    responses=problems(
        DuplicateSKUInBatchError, DuplicateSKUError, UnitInUseError, *READS_BODY, *IDEMPOTENT
    ),
)
async def post_item_batch(
    body: ItemBatchRequest, tenant_id: MayWrite, items: CurrentItemService
) -> Response:
    """Make or change up to 1 000 items by SKU, all or none.

    What a row leaves out stays as it is; a row that changes nothing makes no new version. A
    problem names each row at fault, as in `/items/5/sku`.
    """
    result = await items.upsert(tenant_id, [row.changes() for row in body.items])
    return BATCH.one(result)


@router.patch(
    "/{item_id}",
    dependencies=[tenant_with(Scope.ITEMS_WRITE)],
    response_model=ItemResponse,
    responses=problems(ItemNotFoundError, DuplicateSKUError, UnitInUseError, *_STALE, *READS_BODY)
    | answers(200, ETAG),
)
async def patch_item(
    item_id: ItemId,
    expected: Expected,
    body: Annotated[ItemUpdate, Body(media_type=MERGE_PATCH)],
    items: CurrentItemService,
) -> Response:
    """Change an item by a merge patch.

    RFC 7396: null empties a field, arrays replace, attributes are merged. What changes nothing
    makes no new version.
    """
    item = await items.patch(item_id, expected, **body.changes())
    return ITEM.one(item, headers=etag(item.version))


@router.delete(
    "/{item_id}",
    dependencies=[tenant_with(Scope.ITEMS_WRITE)],
    status_code=204,
    responses=problems(ItemNotFoundError, ItemInUseError, *_STALE),
)
async def delete_item(item_id: ItemId, expected: Expected, items: CurrentItemService) -> Response:
    """Delete an item.

    One that stands in stock documents cannot be deleted: archive it, by `PATCH` with
    `{"status": "archived"}`.
    """
    await items.delete(item_id, expected)
    return Response(status_code=204)
