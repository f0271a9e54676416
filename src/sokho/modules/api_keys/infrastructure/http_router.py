"""``/v1/api-keys``."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
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
from sokho.core.infrastructure.http.preconditions import IfNoneMatch
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.api_keys.application.dto import (
    ApiKeyCreate,
    ApiKeyListQuery,
    ApiKeyResponse,
    ApiKeyRotate,
    NewApiKeyResponse,
)
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.errors import (
    ApiKeyNotActiveError,
    ApiKeyNotFoundError,
    LastManagingKeyError,
)
from sokho.modules.api_keys.domain.service import NewApiKey
from sokho.modules.api_keys.infrastructure.dependencies import CurrentApiKeyService

MayManage = Annotated[UUID, tenant_with(Scope.KEYS_MANAGE)]

KeyId = Annotated[UUID, Path(description="The key's id.")]

router = APIRouter(
    prefix="/v1/api-keys",
    tags=["api-keys"],
    route_class=PreparedRoute,
    dependencies=[tenant_with(Scope.KEYS_MANAGE)],
)

LOCATION: Final = location("/v1/api-keys/019a9f2c-2c11-7e3a-8f10-4d6f0b6c9a77")

KEY: Final = Representation(ApiKeyResponse, ApiKey)


@router.get(
    "/{key_id}",
    response_model=ApiKeyResponse,
    responses=problems(ApiKeyNotFoundError) | answers(200, ETAG) | NOT_MODIFIED,
)
async def get_api_key(
    key_id: KeyId, keys: CurrentApiKeyService, if_none_match: IfNoneMatch = None
) -> Response:
    """Return one API key, without its secret."""
    return KEY.conditional(if_none_match, await keys.get(key_id))


@router.get(
    "",
    response_model=list[ApiKeyResponse],
    responses=problems(InvalidCursorError) | answers(200, LIST_HEADERS),
)
async def list_api_keys(
    request: Request,
    query: Annotated[ApiKeyListQuery, Query()],
    tenant_id: MayManage,
    keys: CurrentApiKeyService,
) -> Response:
    """Return a page of the business's API keys, revoked ones too, without their secrets."""
    page = Page(request, tenant_id, query)
    found = await keys.list(
        descending=query.order.descending, limit=page.wanted, offset=query.offset, after=page.after
    )
    return await page.response(KEY, found, query.position)


@router.post(
    "",
    status_code=201,
    response_model=NewApiKeyResponse,
    responses=problems(*READS_BODY, *IDEMPOTENT) | answers(201, LOCATION),
)
async def post_api_key(
    body: ApiKeyCreate, tenant_id: MayManage, keys: CurrentApiKeyService
) -> Response:
    """Make an API key.

    Its secret is shown only this once. Nobody can grant more than they hold.
    """
    return _shown_once(await keys.create(tenant_id, **body.model_dump()))


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    response_model=NewApiKeyResponse,
    responses=problems(ApiKeyNotFoundError, ApiKeyNotActiveError, *READS_BODY, *IDEMPOTENT)
    | answers(201, LOCATION),
)
async def rotate_api_key(key_id: KeyId, body: ApiKeyRotate, keys: CurrentApiKeyService) -> Response:
    """Make a successor of an API key, with the same rights.

    The old key is served for `overlap_seconds` more; with 0 it stops within 5 seconds.
    """
    return _shown_once(await keys.rotate(key_id, timedelta(seconds=body.overlap_seconds)))


@router.delete(
    "/{key_id}",
    status_code=204,
    responses=problems(ApiKeyNotFoundError, LastManagingKeyError),
)
async def delete_api_key(key_id: KeyId, keys: CurrentApiKeyService) -> Response:
    """Revoke an API key: it stops within 5 seconds, on every worker.

    It stays in the list. The last key that can manage keys cannot be revoked.
    """
    await keys.revoke(key_id)
    return Response(status_code=204)


def _shown_once(made: NewApiKey) -> Response:
    headers = {"Location": f"{router.prefix}/{made.key.id}"}
    return KEY.with_secret(made.key, {"api_key": made.token}, headers=headers)
