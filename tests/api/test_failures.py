"""What nobody foresaw is answered alike, tells nothing, and leaves nothing behind."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from sokho.app import create_app
from sokho.core.dependencies import CurrentTransaction, tenant_with
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.items.infrastructure.dependencies import CurrentItemService
from sokho.modules.items.infrastructure.tables import items
from tests.api.problems import CANARY, problem_of
from tests.conftest import Business, client_of, close, settings_for

MayWrite = Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)]

router = APIRouter(prefix="/v1/broken", route_class=PreparedRoute)


@router.post("/after-a-write", response_model=None)
async def fail_after_a_write(tenant_id: MayWrite, items: CurrentItemService) -> Response:
    """Store an item, then meet what nobody foresaw."""
    await items.create(tenant_id, "B", sku="left behind")
    raise RuntimeError(CANARY)


@router.post("/statement", response_model=None)
async def fail_in_a_statement(_: MayWrite, transaction: CurrentTransaction) -> Response:
    """Send the database what it cannot do."""
    await transaction.fetch_all(
        Statement(sa.select(sa.literal_column(f"'{CANARY}'::integer")).where(TENANT.is_not(None)))
    )
    return Response()


@router.post("/swallowed", response_model=None)
async def swallow_a_failure(tenant_id: MayWrite, service: CurrentItemService) -> Response:
    """Answer success though a statement has failed, and the transaction with it."""
    await service.create(tenant_id, "B", sku="left behind")
    try:
        await service.create(tenant_id, "B", sku="left behind")
    except Exception:  # noqa: BLE001 - just what must not be done
        return Response(status_code=201)
    raise AssertionError


@router.get("/write-in-a-read", response_model=None)
async def write_in_a_read(_: MayWrite, transaction: CurrentTransaction) -> Response:
    """Try to write where only reading was promised."""
    await transaction.fetch_all(Statement(sa.delete(items).where(items.c.tenant_id == TENANT)))
    return Response()


FAILING = [("POST", "/after-a-write"), ("POST", "/statement"), ("POST", "/swallowed")]
FAILING += [("GET", "/write-in-a-read")]


@pytest.fixture
async def broken(urls: DatabaseUrls, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a service with one connection and routes that fail."""
    app = create_app(settings_for(urls, pool_size=1))
    app.router.routes.extend(router.routes)
    async with client_of(app, business.api_key) as client:
        yield client
    await close(app)


@pytest.mark.parametrize(("method", "path"), FAILING)
class TestUnforeseenFailure:
    async def test_tells_nothing_of_itself(
        self, broken: httpx2.AsyncClient, method: str, path: str
    ):
        answer = await broken.request(method, f"/v1/broken{path}")
        problem_of(answer, 500, "internal_error")
        for word in ("left behind", "Error", "sqlalchemy", "integer", "transaction"):
            assert word not in answer.text

    async def test_leaves_nothing_behind_and_gives_its_connection_back(
        self, broken: httpx2.AsyncClient, method: str, path: str
    ):
        created = await broken.post("/v1/items", json={"sku": "A", "name": "B"})
        for _ in range(3):  # of one connection
            await broken.request(method, f"/v1/broken{path}")
        answer = await broken.get("/v1/items")
        assert (answer.status_code, answer.json()) == (200, [created.json()])
        again = await broken.post("/v1/items", json={"sku": "left behind", "name": "B"})
        assert again.status_code == 201
