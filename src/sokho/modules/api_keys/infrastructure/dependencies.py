"""How a request gets the service on its business's API keys."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from sokho.core.dependencies import CurrentPrincipal, CurrentTransaction
from sokho.modules.api_keys.domain.service import ApiKeyService
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo


async def get_api_key_service(
    request: Request, principal: CurrentPrincipal, transaction: CurrentTransaction
) -> ApiKeyService:
    """Return the service on the caller's tenant, which grants no more than the caller holds."""
    return ApiKeyService(
        PostgresApiKeyRepo(transaction),
        request.app.state.pepper,
        transaction,
        granter=principal,
    )


CurrentApiKeyService = Annotated[ApiKeyService, Depends(get_api_key_service)]
