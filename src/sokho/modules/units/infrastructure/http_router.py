"""``/v1/units``."""

from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.application.schemas import looked_for
from sokho.core.dependencies import tenant_with
from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.body import MERGE_PATCH
from sokho.core.infrastructure.http.errors import InvalidCursorError
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
from sokho.core.infrastructure.http.preconditions import ExpectedIfGiven, IfNoneMatch, etag
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.units.application.dto import (
    UnitCreate,
    UnitListQuery,
    UnitResponse,
    UnitUpdate,
)
from sokho.modules.units.domain.entities import CODE_LENGTH, Unit
from sokho.modules.units.domain.errors import DuplicateUnitError, UnitInUseError, UnitNotFoundError
from sokho.modules.units.infrastructure.dependencies import CurrentUnitService

router = APIRouter(prefix="/v1/units", tags=["units"], route_class=PreparedRoute)

UNIT: Final = Representation(UnitResponse, Unit)

MayRead = Annotated[UUID, tenant_with(Scope.ITEMS_READ)]
MayWrite = Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)]
Code = Annotated[
    str, looked_for(CODE_LENGTH), Path(description="The unit's code.", examples=["kg"])
]


@router.get(
    "/{code}",
    dependencies=[tenant_with(Scope.ITEMS_READ)],
    response_model=UnitResponse,
    responses=problems(UnitNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_unit(
    code: Code, units: CurrentUnitService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return one unit."""
    unit = await units.get(code)
    return UNIT.conditional(if_none_match, unit, unit.version)


@router.get(
    "",
    response_model=list[UnitResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_units(
    request: Request,
    query: Annotated[UnitListQuery, Query()],
    tenant_id: MayRead,
    units: CurrentUnitService,
) -> Response:
    """Return a page of units.

    Every business begins with the units that Vietnamese shops count in.
    """
    page = Page(request, tenant_id, query)
    found = await units.list(
        descending=query.order.descending, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(UNIT, found, query.position)


@router.post(
    "",
    status_code=201,
    response_model=UnitResponse,
    responses=problems(DuplicateUnitError, *READS_BODY, *IDEMPOTENT)
    | answers(201, ETAG | location("/v1/units/k%C3%A9t")),
)
async def post_unit(body: UnitCreate, tenant_id: MayWrite, units: CurrentUnitService) -> Response:
    """Add a unit."""
    unit = await units.create(tenant_id, **body.model_dump())
    headers = etag(unit.version) | {"Location": f"{router.prefix}/{quote(unit.code)}"}
    return UNIT.one(unit, status=201, headers=headers)


@router.patch(
    "/{code}",
    dependencies=[tenant_with(Scope.ITEMS_WRITE)],
    response_model=UnitResponse,
    responses=problems(UnitNotFoundError, PreconditionFailedError, UnitInUseError, *READS_BODY)
    | answers(200, ETAG),
)
async def patch_unit(
    code: Code,
    expected: ExpectedIfGiven,
    body: Annotated[UnitUpdate, Body(media_type=MERGE_PATCH)],
    units: CurrentUnitService,
) -> Response:
    """Change a unit's name or decimals.

    The decimals stay once stock has moved of an item that is told in it or converts from it.
    """
    unit = await units.patch(code, expected, **body.changes())
    return UNIT.one(unit, headers=etag(unit.version))
