"""A route that changes something and records nothing is a mistake: it is not let through."""

from typing import Annotated, Final
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy import bindparam as p
from starlette.responses import Response

from sokho.core.dependencies import CurrentTransaction, for_operators, tenant_with
from sokho.core.domain.events import Event
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import TENANT, Statement, Transaction
from sokho.core.infrastructure.http.application import Application
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.modules.tenants.infrastructure.dependencies import get_named_transaction
from sokho.modules.tenants.infrastructure.tables import tenants
from tests.api.problems import problem_of
from tests.conftest import Business, client_of
from tests.recorded import Recorded

RENAME: Final = Statement(sa.update(tenants).where(tenants.c.id == TENANT).values(name=p("name")))
READ: Final = Statement(sa.select(tenants.c.name).where(tenants.c.id == TENANT))

MayWrite = Annotated[UUID, tenant_with(Scope.ITEMS_WRITE)]
Named = Annotated[Transaction, Depends(get_named_transaction, scope="function")]

router = APIRouter(route_class=PreparedRoute)


@router.post("/canary/{what}")
async def of_a_business(what: str, _: MayWrite, transaction: CurrentTransaction) -> Response:
    return await do(what, transaction)


@router.post("/canary/{tenant_id}/{what}", dependencies=[for_operators()])
async def of_the_operator(tenant_id: UUID, what: str, transaction: Named) -> Response:
    assert transaction.tenant_id == tenant_id
    return await do(what, transaction)


async def do(what: str, transaction: Transaction) -> Response:
    if "record" in what:
        transaction.record(Event("canary.renamed", None, {}))
    if "rename" in what:
        await transaction.fetch_all(RENAME, name="canary")
    await transaction.fetch_all(READ)
    return Response(b"done")


@pytest.fixture(params=["business", "operator"])
def http(
    request: pytest.FixtureRequest,
    fresh_app: FastAPI,
    business: Business,
    operator: httpx2.AsyncClient,
) -> httpx2.AsyncClient:
    """A client whose paths lead to the canary's, of a business's route or of an operator's."""
    assert isinstance(fresh_app, Application)
    fresh_app.add_routes(router)
    if request.param == "operator":
        operator.base_url = f"http://sokho.test/canary/{business.tenant_id}/"
        return operator
    client = client_of(fresh_app, business.api_key)
    client.base_url = "http://sokho.test/canary/"
    return client


async def name_of(business: Business) -> str:
    name: str = (await business.http.get("/v1/tenant")).json()["name"]
    return name


class TestRoute:
    async def test_that_changes_and_records_nothing_is_undone(
        self, http: httpx2.AsyncClient, business: Business, fresh_app: FastAPI
    ):
        log = Recorded(fresh_app.state.database, business.tenant_id)
        name, before = await name_of(business), await log.all()
        problem_of(await http.post("rename"), 500, "internal_error")
        assert await name_of(business) == name
        assert await log.all() == before

    async def test_that_records_its_change_is_let_through(
        self, http: httpx2.AsyncClient, business: Business, fresh_app: FastAPI
    ):
        assert (await http.post("record-rename")).text == "done"
        assert await name_of(business) == "canary"
        log = Recorded(fresh_app.state.database, business.tenant_id)
        assert "canary.renamed" in [row["type"] for row in await log.all()]

    async def test_that_changes_nothing_need_not_record(self, http: httpx2.AsyncClient):
        assert (await http.post("read")).text == "done"
