"""``/v1/stock/verification``."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.dependencies import tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.http.openapi import problems
from sokho.core.infrastructure.http.problems import preferred_language
from sokho.core.infrastructure.http.responses import Representation
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.stock.application.verification_dto import (
    MOST_FINDINGS,
    MOST_MOVES,
    ShownVerification,
    VerificationQuery,
    VerificationResponse,
)
from sokho.modules.stock.domain.verification import verify
from sokho.modules.stock.infrastructure.dependencies import CurrentLedgerCheck

router = APIRouter(prefix="/v1/stock/verification", tags=["stock"], route_class=PreparedRoute)

VERIFICATION: Final = Representation(VerificationResponse, ShownVerification)


@router.get(
    "",
    dependencies=[tenant_with(Scope.STOCK_READ)],
    response_model=VerificationResponse,
    responses=problems(),
)
async def verify_stock(
    request: Request,
    query: Annotated[VerificationQuery, Query()],
    check: CurrentLedgerCheck,
) -> Response:
    """Prove the ledger of an item: its balances by its moves, and that no document was changed.

    An item without moves has no findings. The whole ledger is proven by `sokho check ledger`.
    """
    found = await verify(check, query.item_id, most_moves=MOST_MOVES, most_findings=MOST_FINDINGS)
    language = preferred_language(request.scope)
    return VERIFICATION.one(
        ShownVerification.of(query.item_id, found, language),
        headers={"Content-Language": language},
    )
