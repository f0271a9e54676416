"""``/v1/stock/minimums/{item_id}/{location_id}``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.errors import InvalidError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.openapi import (
    ETAG,
    NOT_MODIFIED,
    READS_BODY,
    answers,
    location,
    problems,
)
from sokho.core.infrastructure.http.preconditions import IfNoneMatch
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.stock.application.minimum_dto import MinimumPut, MinimumResponse, ShownMinimum
from sokho.modules.stock.domain.errors import (
    ItemArchivedError,
    LocationArchivedError,
    MinimumNotFoundError,
    QuantityOutOfRangeError,
    QuantityPrecisionError,
)
from sokho.modules.stock.infrastructure.dependencies import CurrentMinimumService

router = APIRouter(
    prefix="/v1/stock/minimums/{item_id}/{location_id}", tags=["stock"], route_class=PreparedRoute
)

MINIMUM: Final = Representation(MinimumResponse, ShownMinimum)

ItemId = Annotated[UUID, Path(description="The item.")]
LocationId = Annotated[UUID, Path(description="The location.")]

_ADDRESS: Final = (
    "/v1/stock/minimums/019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55/019a9f2c-7b41-7c90-8a52-64e1c0b7d310"
)
_PLACES: Final = {
    "/lines/0/item_id": "/path/item_id",
    "/lines/0/to_location_id": "/path/location_id",
    "/lines/0/quantity": "/minimum",
}


@router.get(
    "",
    dependencies=[tenant_with(Scope.STOCK_READ)],
    response_model=MinimumResponse,
    responses=problems(MinimumNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_stock_minimum(
    item_id: ItemId,
    location_id: LocationId,
    minimums: CurrentMinimumService,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return what should be on hand at least."""
    found = await minimums.get(item_id, location_id)
    return MINIMUM.conditional(if_none_match, ShownMinimum.of(found))


@router.put(
    "",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    response_model=MinimumResponse,
    responses=problems(
        MinimumNotFoundError,
        ItemArchivedError,
        LocationArchivedError,
        QuantityOutOfRangeError,
        QuantityPrecisionError,
        *READS_BODY,
    )
    | {
        201: {
            "model": MinimumResponse,
            "description": "It is new.",
            "headers": location(_ADDRESS),
        }
    },
)
async def put_stock_minimum(
    item_id: ItemId, location_id: LocationId, body: MinimumPut, minimums: CurrentMinimumService
) -> Response:
    """Say what should be on hand at least.

    Levels tell what is below, and events when a document crosses it.
    """
    with _told_of_places():
        minimum, is_new = await minimums.put(item_id, location_id, body.quantity())
    shown = ShownMinimum.of(minimum)
    if not is_new:
        return MINIMUM.one(shown)
    address = f"/v1/stock/minimums/{item_id}/{location_id}"
    return MINIMUM.one(shown, status=201, headers={"Location": address})


@router.delete(
    "",
    dependencies=[tenant_with(Scope.STOCK_WRITE)],
    status_code=204,
    responses=problems(MinimumNotFoundError),
)
async def delete_stock_minimum(
    item_id: ItemId, location_id: LocationId, minimums: CurrentMinimumService
) -> Response:
    """Say that nothing has to be there."""
    await minimums.delete(item_id, location_id)
    return Response(status_code=204)


@contextmanager
def _told_of_places() -> Iterator[None]:
    """Tell faults of a document's line where this request has the same."""
    try:
        yield
    except InvalidError as error:
        raise type(error)(
            *(
                replace(fault, pointer=_PLACES.get(fault.pointer, fault.pointer))
                for fault in error.errors
            )
        ) from error
