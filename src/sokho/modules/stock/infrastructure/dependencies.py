"""How a request gets the service on the ledger."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.stock.domain.reads import StockReads
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo


async def get_stock_service(request: Request, transaction: CurrentTransaction) -> StockService:
    """Return the service on the caller's tenant."""
    repo = PostgresStockRepo(transaction, request.app.state.ledger_seal)
    return StockService(repo, transaction)


async def get_stock_reads(transaction: CurrentTransaction) -> StockReads:
    """Return the caller's ledger, to be read."""
    return PostgresStockReads(transaction)


CurrentStockReads = Annotated[StockReads, Depends(get_stock_reads)]
CurrentStockService = Annotated[StockService, Depends(get_stock_service)]
