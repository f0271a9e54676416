"""How a request gets the service on the ledger."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from sokho.core.dependencies import CurrentTransaction
from sokho.modules.stock.domain.count_service import CountService
from sokho.modules.stock.domain.minimum_service import MinimumService
from sokho.modules.stock.domain.periods import PeriodService
from sokho.modules.stock.domain.reads import StockReads
from sokho.modules.stock.domain.reservation_service import ReservationService
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.domain.verification import LedgerCheck
from sokho.modules.stock.infrastructure.postgres_counts import PostgresCountRepo
from sokho.modules.stock.infrastructure.postgres_minimums import PostgresMinimumRepo
from sokho.modules.stock.infrastructure.postgres_periods import PostgresPeriodLocks
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.stock.infrastructure.postgres_reservations import PostgresReservationRepo
from sokho.modules.stock.infrastructure.verification import PostgresLedgerCheck


async def get_stock_service(request: Request, transaction: CurrentTransaction) -> StockService:
    """Return the service on the caller's tenant."""
    repo = PostgresStockRepo(transaction, request.app.state.ledger_seal)
    return StockService(repo, transaction)


CurrentStockService = Annotated[StockService, Depends(get_stock_service)]


async def get_reservation_service(
    transaction: CurrentTransaction, stock: CurrentStockService
) -> ReservationService:
    """Return the service on the caller's reservations."""
    return ReservationService(PostgresReservationRepo(transaction), stock, transaction)


async def get_minimum_service(
    transaction: CurrentTransaction, stock: CurrentStockService
) -> MinimumService:
    """Return the service on the caller's minimum stock."""
    return MinimumService(PostgresMinimumRepo(transaction), stock, transaction)


async def get_stock_reads(transaction: CurrentTransaction) -> StockReads:
    """Return the caller's ledger, to be read."""
    return PostgresStockReads(transaction)


async def get_count_service(request: Request, transaction: CurrentTransaction) -> CountService:
    """Return the service on the caller's stocktakes."""
    stock = await get_stock_service(request, transaction)
    return CountService(PostgresCountRepo(transaction), stock, transaction)


async def get_period_service(transaction: CurrentTransaction) -> PeriodService:
    """Return the service on the locks of the caller's books."""
    return PeriodService(PostgresPeriodLocks(transaction), transaction)


async def get_ledger_check(request: Request, transaction: CurrentTransaction) -> LedgerCheck:
    """Return what proves the caller's ledger."""
    return PostgresLedgerCheck(transaction, request.app.state.ledger_seal)


CurrentCountService = Annotated[CountService, Depends(get_count_service)]
CurrentMinimumService = Annotated[MinimumService, Depends(get_minimum_service)]
CurrentReservationService = Annotated[ReservationService, Depends(get_reservation_service)]
CurrentLedgerCheck = Annotated[LedgerCheck, Depends(get_ledger_check)]
CurrentPeriodService = Annotated[PeriodService, Depends(get_period_service)]
CurrentStockReads = Annotated[StockReads, Depends(get_stock_reads)]
