"""Who is calling, and the transaction bound to them: what every route depends on."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Security
from fastapi.security import SecurityScopes
from starlette.requests import Request

from sokho.core.domain.errors import PermissionDeniedError
from sokho.core.domain.identity import (
    Authenticator,
    Operator,
    Origin,
    Principal,
    UnauthenticatedError,
)
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.http.auth_failures import AuthFailures
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.credentials import API_KEY, OPERATOR_KEY, acting_for
from sokho.core.infrastructure.http.idempotency import (
    IdempotencyKeyRequiredError,
    hash_of,
    idempotency_key,
)
from sokho.core.infrastructure.http.quotas import Quotas

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


async def get_principal(
    request: Request, token: Annotated[str | None, Security(API_KEY)]
) -> Principal:
    """Verify the caller's key: the only place where that happens, once a request.

    Raises `UnauthenticatedError`, `RateLimitedError`; `PermissionDeniedError` for an
    operator's key, which belongs to no business.
    """
    caller = await _verified(request, token)
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
) -> Transaction:
    """Return the transaction bound to the caller's tenant.

    It commits after the path function and before the response is sent, and rolls back when
    anything raises. What a safe method reads needs no more than one round trip a statement.
    """
    origin = None if request.method in _SAFE_METHODS else _origin(request, principal.actor)
    return open_transaction(request, principal.tenant_id, origin)


async def commit_with_change(
    transaction: Annotated[Transaction, Depends(get_transaction, scope="function")],
) -> None:
    """Let a request's one change be committed by its own statement: in one round trip.

    For a path function that makes one change and then nothing that could fail.
    """
    transaction.commit_with_change()


async def get_request_key(
    request: Request, principal: Annotated[Principal, Depends(get_principal)]
) -> bytes:
    """Return the 32 bytes that stand for the Idempotency-Key, where there has to be one.

    Raises `IdempotencyKeyRequiredError`, `InvalidError`.
    """
    key = idempotency_key(request)
    if key is None:
        raise IdempotencyKeyRequiredError
    key_hash = hash_of(key, principal.tenant_id, operator=False)
    RequestContext.of(request.scope).key_hash = key_hash
    return key_hash


async def get_operator(
    request: Request, token: Annotated[str | None, Security(OPERATOR_KEY)]
) -> Operator:
    """Verify the operator's key.

    Raises `UnauthenticatedError`, `RateLimitedError`; `PermissionDeniedError` for the key of a
    business.
    """
    caller = await _verified(request, token)
    if not isinstance(caller, Operator):
        raise PermissionDeniedError
    return caller


async def get_operator_origin(
    request: Request, operator: Annotated[Operator, Depends(get_operator)]
) -> Origin:
    """Return how events name the operator's request."""
    return _origin(request, operator.actor)


def open_transaction(request: Request, tenant_id: UUID, origin: Origin | None) -> Transaction:
    """Return the transaction of a request: a safe method's only reads."""
    database: Database = request.app.state.database
    if origin is None or request.method in _SAFE_METHODS:
        transaction = database.transaction(tenant_id, read_only=True)
    else:
        transaction = database.transaction(tenant_id, origin=origin)
    RequestContext.of(request.scope).begin(transaction)
    return transaction


def tenant_with(*scopes: Scope) -> Any:
    """Return the dependency of a route that needs `scopes`; they stand in its OpenAPI entry."""
    return Security(get_current_tenant, scopes=[str(scope) for scope in scopes])


def for_operators() -> Any:
    """Return the dependency of a route that the operator alone may call."""
    return Security(get_operator)


def _origin(request: Request, actor: str) -> Origin:
    request_id = RequestContext.of(request.scope).request_id
    on_behalf_of = None if request.method in _SAFE_METHODS else acting_for(request)
    return Origin(actor, on_behalf_of, request_id)


async def _verified(request: Request, token: str | None) -> Principal | Operator:
    if not token:
        raise UnauthenticatedError
    authenticator: Authenticator = request.app.state.authenticator
    try:
        caller = await authenticator.authenticate(token)
    except UnauthenticatedError:
        failures: AuthFailures = request.app.state.auth_failures
        failures.note(request.client.host if request.client else "")
        raise
    context = RequestContext.of(request.scope)
    is_tried_again = context.caller is not None
    context.caller = caller
    if isinstance(caller, Principal) and not is_tried_again:
        quotas: Quotas = request.app.state.quotas
        quotas.count(caller, context)
    return caller


CurrentPrincipal = Annotated[Principal, Depends(get_principal)]
CurrentTransaction = Annotated[Transaction, Depends(get_transaction, scope="function")]
COMMITS_WITH_CHANGE: Final = Depends(commit_with_change)
RequestKey = Annotated[bytes, Depends(get_request_key)]
OperatorOrigin = Annotated[Origin, Depends(get_operator_origin)]
