"""``/v1/locations``."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
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
from sokho.modules.locations.application.dto import (
    LocationCreate,
    LocationListQuery,
    LocationResponse,
    LocationUpdate,
)
from sokho.modules.locations.domain.entities import Location
from sokho.modules.locations.domain.errors import (
    DuplicateLocationError,
    LocationHasStockError,
    LocationInUseError,
    LocationNotFoundError,
)
from sokho.modules.locations.infrastructure.dependencies import CurrentLocationService

router = APIRouter(prefix="/v1/locations", tags=["locations"], route_class=PreparedRoute)

LOCATION: Final = Representation(LocationResponse, Location)

MayRead = Annotated[UUID, tenant_with(Scope.LOCATIONS_READ)]
MayWrite = Annotated[UUID, tenant_with(Scope.LOCATIONS_WRITE)]

LocationId = Annotated[UUID, Path(description="The location's id.")]

_STALE = (PreconditionRequiredError, PreconditionFailedError)


@router.get(
    "/{location_id}",
    dependencies=[tenant_with(Scope.LOCATIONS_READ)],
    response_model=LocationResponse,
    responses=problems(LocationNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_location(
    location_id: LocationId, locations: CurrentLocationService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return one location."""
    found = await locations.get(location_id)
    return LOCATION.conditional(if_none_match, found, found.version)


@router.get(
    "",
    response_model=list[LocationResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_locations(
    request: Request,
    query: Annotated[LocationListQuery, Query()],
    tenant_id: MayRead,
    locations: CurrentLocationService,
) -> Response:
    """Return a page of locations.

    Every business begins with one warehouse.
    """
    page = Page(request, tenant_id, query)
    found = await locations.list(
        query.filter(), sort=query.order, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(LOCATION, found, query.position)


@router.post(
    "",
    status_code=201,
    response_model=LocationResponse,
    responses=problems(DuplicateLocationError, *READS_BODY, *IDEMPOTENT)
    | answers(201, ETAG | location("/v1/locations/019a9f2c-7d01-7c3f-8a11-6b0e5f2c4d88")),
)
async def post_location(
    body: LocationCreate, tenant_id: MayWrite, locations: CurrentLocationService
) -> Response:
    """Add a location.

    A bin lies in a warehouse or in a bin; a warehouse or a transit in a warehouse or in nothing.
    There are at most 10 levels.
    """
    made = await locations.create(tenant_id, **body.model_dump())
    headers = etag(made.version) | {"Location": f"{router.prefix}/{made.id}"}
    return LOCATION.one(made, status=201, headers=headers)


@router.patch(
    "/{location_id}",
    dependencies=[tenant_with(Scope.LOCATIONS_WRITE)],
    response_model=LocationResponse,
    responses=problems(
        LocationNotFoundError,
        DuplicateLocationError,
        LocationInUseError,
        LocationHasStockError,
        *_STALE,
        *READS_BODY,
    )
    | answers(200, ETAG),
)
async def patch_location(
    location_id: LocationId,
    expected: Expected,
    body: Annotated[LocationUpdate, Body(media_type=MERGE_PATCH)],
    locations: CurrentLocationService,
) -> Response:
    """Change, move or archive a location by a merge patch (RFC 7396).

    A move takes along what lies below. What changes nothing makes no new version.
    """
    changed = await locations.patch(location_id, expected, **body.changes())
    return LOCATION.one(changed, headers=etag(changed.version))


@router.delete(
    "/{location_id}",
    dependencies=[tenant_with(Scope.LOCATIONS_WRITE)],
    status_code=204,
    responses=problems(LocationNotFoundError, LocationInUseError, *_STALE),
)
async def delete_location(
    location_id: LocationId, expected: Expected, locations: CurrentLocationService
) -> Response:
    """Delete a location that nothing lies below and nothing refers to."""
    await locations.delete(location_id, expected)
    return Response(status_code=204)
