"""``/v1/items/{item_id}/conversions``."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.application.schemas import looked_for
from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.errors import InvalidCursorError, told_of_path
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
from sokho.modules.items.application.dto import (
    ConversionListQuery,
    ConversionPut,
    ConversionResponse,
)
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import UNIT_LENGTH
from sokho.modules.items.domain.errors import ConversionNotFoundError, ItemNotFoundError
from sokho.modules.items.infrastructure.dependencies import CurrentItemService
from sokho.modules.items.infrastructure.http_router import ItemId, MayRead, MayWrite

router = APIRouter(
    prefix="/v1/items/{item_id}/conversions", tags=["items"], route_class=PreparedRoute
)

CONVERSION: Final = Representation(ConversionResponse, Conversion)

UnitCode = Annotated[
    str,
    looked_for(UNIT_LENGTH),
    Path(description="The code of a unit.", examples=["thùng"]),
]


@router.get(
    "",
    response_model=list[ConversionResponse],
    responses=problems(ItemNotFoundError, InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_conversions(
    request: Request,
    item_id: ItemId,
    query: Annotated[ConversionListQuery, Query()],
    tenant_id: MayRead,
    items: CurrentItemService,
) -> Response:
    """Return a page of the units that an item can be counted in beside its own."""
    page = Page(request, tenant_id, query)
    found = await items.list_conversions(
        item_id,
        descending=query.order.descending,
        limit=page.wanted,
        offset=query.offset,
        after=page.after,
    )
    return await page.response(CONVERSION, found, query.position)


@router.get(
    "/{unit}",
    dependencies=[tenant_with(Scope.ITEMS_READ)],
    response_model=ConversionResponse,
    responses=problems(ItemNotFoundError, ConversionNotFoundError)
    | answers(200, ETAG)
    | NOT_MODIFIED,
)
async def get_conversion(
    item_id: ItemId, unit: UnitCode, items: CurrentItemService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return what one of a unit is in the item's own."""
    return CONVERSION.conditional(if_none_match, await items.get_conversion(item_id, unit))


@router.put(
    "/{unit}",
    response_model=ConversionResponse,
    responses=problems(ItemNotFoundError, *READS_BODY)
    | {
        201: {
            "model": ConversionResponse,
            "description": "It is new.",
            "headers": location(
                "/v1/items/019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55/conversions/l%E1%BB%91c"
            ),
        }
    },
)
async def put_conversion(
    item_id: ItemId,
    unit: UnitCode,
    tenant_id: MayWrite,
    body: ConversionPut,
    items: CurrentItemService,
) -> Response:
    """Say what one of a unit is in the item's own.

    One `thùng` of 24 cans is `{"numerator": 24}`; the fraction is kept as it is given.
    """
    with told_of_path("unit"):
        conversion, is_new = await items.put_conversion(
            tenant_id, item_id, unit, **body.model_dump()
        )
    if not is_new:
        return CONVERSION.one(conversion)
    address = f"/v1/items/{item_id}/conversions/{quote(conversion.unit)}"
    return CONVERSION.one(conversion, status=201, headers={"Location": address})


@router.delete(
    "/{unit}",
    dependencies=[tenant_with(Scope.ITEMS_WRITE)],
    status_code=204,
    responses=problems(ItemNotFoundError, ConversionNotFoundError),
)
async def delete_conversion(item_id: ItemId, unit: UnitCode, items: CurrentItemService) -> Response:
    """Take a conversion away."""
    await items.delete_conversion(item_id, unit)
    return Response(status_code=204)
