"""The composition of the service: which modules, on which database, behind which address."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI

from sokho import __version__
from sokho.core.infrastructure.background import beside
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.connection_budget import WORKER_POOL_SIZE
from sokho.core.infrastructure.database.housekeeping import Chore, Housekeeping
from sokho.core.infrastructure.database.idempotency_keys import remove_expired
from sokho.core.infrastructure.database.readiness import Readiness, wait_until_sealed
from sokho.core.infrastructure.http import documents, health
from sokho.core.infrastructure.http.admission import Admission
from sokho.core.infrastructure.http.application import Application
from sokho.core.infrastructure.http.auth_failures import AuthFailures
from sokho.core.infrastructure.http.cursors import CursorCodec
from sokho.core.infrastructure.http.idempotency import Idempotency
from sokho.core.infrastructure.http.quotas import Quotas
from sokho.core.infrastructure.logging import configure_logging, logger
from sokho.core.infrastructure.metrics import Metrics
from sokho.core.infrastructure.settings import Settings
from sokho.core.infrastructure.tracing import Tracing, is_tracing_wanted
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.infrastructure import http_router as api_keys
from sokho.modules.api_keys.infrastructure.authenticator import ApiKeyAuthenticator
from sokho.modules.api_keys.infrastructure.last_uses import LastUses
from sokho.modules.audit.infrastructure import http_router as audit
from sokho.modules.items.infrastructure import conversion_router as conversions
from sokho.modules.items.infrastructure import http_router as items
from sokho.modules.locations.infrastructure import http_router as locations
from sokho.modules.stock.infrastructure import count_router as stock_counts
from sokho.modules.stock.infrastructure import minimum_router as stock_minimums
from sokho.modules.stock.infrastructure import period_router as stock_periods
from sokho.modules.stock.infrastructure import reads_router as stock_reads
from sokho.modules.stock.infrastructure import reservation_router as stock_reservations
from sokho.modules.stock.infrastructure import transaction_router as stock_transactions
from sokho.modules.stock.infrastructure import verification_router as stock_verification
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.expiry import expire_reservations
from sokho.modules.tenants.infrastructure import admin_router as admin
from sokho.modules.tenants.infrastructure import http_router as tenant
from sokho.modules.tenants.infrastructure.postgres_repo import WorkerTenantDirectory
from sokho.modules.units.infrastructure import http_router as units
from sokho.provisioning import BusinessOpening

_DESCRIPTION: Final = """
Every operation needs a key: `Authorization: Bearer sokho_…`. The key says which business is meant.

- **Refusals** are problems (RFC 9457): programs read `code`, people read `title` and `detail`, in
  Vietnamese or, by `Accept-Language: en`, in English. `errors` names each field at fault.
- **Lists** are JSON arrays; the `Link` header has the address of the next page.
- **Changes** of what others may change too need `If-Match` with the `ETag` of what was read.
- Bodies have at most 1 MiB; unknown fields and parameters are refused.
"""

_CHORES: Final = (
    Chore("idempotency_keys", timedelta(hours=1), remove_expired),
    Chore("reservations", timedelta(minutes=1), expire_reservations),
)

_TAGS: Final = [
    {"name": "admin", "description": "For whoever runs the service, with the operator's key."},
    {"name": "api-keys", "description": "Who may act for the business, and what they may do."},
    {"name": "audit", "description": "What has happened: who changed what, and when."},
    {"name": "items", "description": "What a business keeps in stock, by SKU."},
    {
        "name": "locations",
        "description": "Where stock is kept: warehouses, bins, goods on their way.",
    },
    {"name": "stock", "description": "What came in, went out and moved, and what is there."},
    {"name": "tenant", "description": "The caller's own business."},
    {"name": "units", "description": "What quantities are told in, and with how many decimals."},
]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service. It refuses to start on a database that is not sealed.

    Raises `OperatorError` when a setting is missing or does not fit.
    """
    settings = settings or Settings.load()
    configure_logging(settings.log_level)
    keys = settings.derived_keys()
    database = Database(
        settings.url("database_url"),
        pool_size=settings.pool_size,
        prepared_statements=settings.prepared_statements,
    )

    last_uses = LastUses(database)
    worker = None
    if settings.worker_database_url is not None:
        worker = Database(
            settings.url("worker_database_url"),
            pool_size=WORKER_POOL_SIZE,
            prepared_statements=settings.prepared_statements,
        )

    metrics = None if settings.metrics_port is None else Metrics()
    tracing = Tracing() if is_tracing_wanted() else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await wait_until_sealed(database)
        # What exists now stays: looking through it again and again would double the slowest
        # answers' time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        works = [last_uses.keep_writing()]
        if metrics is not None:
            works.append(metrics.keep_sampling(database))
        if worker is None:
            logger.warning(
                "expired Idempotency-Keys and reservations stay: "
                "SOKHO_WORKER_DATABASE_URL is not set"
            )
        else:
            works.append(Housekeeping(database, worker, *_CHORES).keep_going())
        try:
            async with beside(*works):
                yield
        finally:
            await database.close()
            if worker is not None:
                await worker.close()
            if tracing is not None:
                tracing.close()

    app = Application(
        origins=settings.origins,
        metrics=metrics,
        tracer=None if tracing is None else tracing.tracer,
        title="Sokho",
        summary="Items and stock of many businesses on one database, each sealed.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        version=__version__,
        contact={"name": "The Sokho developers"},
        license_info={"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        servers=[
            {
                "url": "/",
                "description": "Where this document was read: local, staging or production.",
                "x-internal": False,
            }
        ],
        lifespan=lifespan,
        openapi_url=None,  # documents.router has it
        redirect_slashes=False,
    )
    app.add_middleware(Admission, most=settings.concurrent_requests)
    app.state.database = database
    app.state.readiness = Readiness(database)
    app.state.metrics = metrics
    app.state.tracing = tracing
    app.state.cursors = CursorCodec(keys.cursor)
    app.state.pepper = Pepper(keys.pepper_id, keys.pepper)
    app.state.authenticator = ApiKeyAuthenticator(
        database,
        app.state.pepper,
        last_uses=last_uses,
        operator_key_hash=settings.operator_hash(),
    )
    app.state.auth_failures = AuthFailures(settings.auth_failures_of_a_worker)
    app.state.quotas = Quotas(settings.requests_per_minute)
    app.state.idempotency = Idempotency(keys.answers)
    app.state.ledger_seal = Seal(keys.ledger_id, keys.ledger)
    app.state.opening = partial(BusinessOpening, keys)
    app.state.worker = worker
    app.state.directory = worker and WorkerTenantDirectory(worker)
    app.add_routes(
        items.router,
        conversions.router,
        units.router,
        stock_transactions.router,
        stock_reservations.router,
        stock_minimums.router,
        stock_reads.router,
        stock_verification.router,
        stock_counts.router,
        stock_periods.router,
        locations.router,
        tenant.router,
        api_keys.router,
        audit.router,
        admin.router,
        health.router,
        documents.router,
        *([documents.page_router] if settings.docs else []),
    )
    return app
