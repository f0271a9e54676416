"""Who is calling, and the transaction bound to them: what every route depends on."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Security
from fastapi.security import SecurityScopes
from starlette.requests import Request

from sokho.core.domain.errors import PermissionDeniedError
from sokho.core.domain.identity import Authenticator, Operator, Principal, UnauthenticatedError
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.credentials import API_KEY

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


async def get_principal(
    request: Request, token: Annotated[str | None, Security(API_KEY)]
) -> Principal:
    """Verify the caller's key: the only place where that happens, once a request.

    Raises `UnauthenticatedError`; `PermissionDeniedError` for an operator's key, which
    belongs to no business.
    """
    if not token:
        raise UnauthenticatedError
    authenticator: Authenticator = request.app.state.authenticator
    caller = await authenticator.authenticate(token)
    RequestContext.of(request.scope).caller = caller
    if isinstance(caller, Operator):
        raise PermissionDeniedError
    return caller


async def get_current_tenant(
    scopes: SecurityScopes, principal: Annotated[Principal, Depends(get_principal)]
) -> UUID:
    """Return the caller's tenant; raises `PermissionDeniedError` without the route's scopes."""
    for scope in scopes.scopes:
        principal.require(scope)
    return principal.tenant_id


async def get_transaction(
    request: Request, principal: Annotated[Principal, Depends(get_principal)]
) -> AsyncIterator[Transaction]:
    """Yield the transaction bound to the caller's tenant.

    It commits after the path function and before the response is sent, and rolls back when
    anything raises. What a safe method reads needs no more than one round trip a statement.
    """
    database: Database = request.app.state.database
    read_only = request.method in _SAFE_METHODS
    async with database.transaction(principal.tenant_id, read_only=read_only) as transaction:
        RequestContext.of(request.scope).transaction = transaction
        yield transaction


def tenant_with(*scopes: Scope) -> Any:
    """Return the dependency of a route that needs `scopes`; they stand in its OpenAPI entry."""
    return Security(get_current_tenant, scopes=[str(scope) for scope in scopes])


CurrentTransaction = Annotated[Transaction, Depends(get_transaction, scope="function")]
