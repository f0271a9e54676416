"""A key is verified once a request, and no longer served once it is withdrawn."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from sokho.core.domain.identity import Authenticator, Operator, Principal
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.api_keys.domain.tokens import KeyToken
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.provisioning import api_key_service
from tests.api.problems import problem_of
from tests.conftest import Business, client_of


class CountingAuthenticator(Authenticator):
    """Counts what it hands on."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.calls = 0

    async def authenticate(self, token: str) -> Principal | Operator:
        self.calls += 1
        return await self._authenticator.authenticate(token)


@pytest.fixture
async def cold(fresh_app: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of `business` at a service that has not seen its key yet."""
    async with client_of(fresh_app, business.api_key) as client:
        yield client


class TestOneRequest:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/v1/items"), ("GET", "/v1/items"), ("GET", f"/v1/items/{UUID(int=7)}")],
    )
    async def test_verifies_its_key_once(
        self, fresh_app: FastAPI, cold: httpx2.AsyncClient, method: str, path: str
    ):
        counting = CountingAuthenticator(fresh_app.state.authenticator)
        fresh_app.state.authenticator = counting
        for number in range(1, 3):
            await cold.request(method, path, json={"sku": str(number), "name": "B"})
            assert counting.calls == number


class TestWithdrawnKey:
    async def test_is_refused(
        self, fresh_app: FastAPI, business: Business, derived_keys: DerivedKeys
    ):
        database = fresh_app.state.database
        async with database.transaction(business.tenant_id) as transaction:
            keys = api_key_service(transaction, derived_keys)
            key, token = await keys.create(business.tenant_id, "tạm", [Scope.ITEMS_READ])
            await keys.revoke(key.id)
        answer = await client_of(fresh_app, token).get("/v1/items")
        problem_of(answer, 401, "unauthenticated")

    async def test_is_refused_once_it_has_expired(
        self, fresh_app: FastAPI, business: Business, derived_keys: DerivedKeys
    ):
        async with fresh_app.state.database.transaction(business.tenant_id) as transaction:
            made, token = await api_key_service(transaction, derived_keys).create(
                business.tenant_id, "tạm", [Scope.ITEMS_READ]
            )
            expired = replace(made, expires_at=datetime.now(UTC) - timedelta(seconds=1))
            await PostgresApiKeyRepo(transaction).update(expired)
        answer = await client_of(fresh_app, token).get("/v1/items")
        problem_of(answer, 401, "unauthenticated")


class TestSuspendedBusiness:
    @pytest.fixture(autouse=True)
    async def _suspended(self, urls: DatabaseUrls, business: Business) -> None:
        worker = await asyncpg.connect(urls.worker)
        try:
            await worker.execute(
                "UPDATE tenants SET state = 'suspended' WHERE id = $1", business.tenant_id
            )
        finally:
            await worker.close()

    async def test_is_told_so(self, cold: httpx2.AsyncClient):
        problem_of(await cold.get("/v1/items"), 403, "tenant_suspended")

    async def test_is_not_told_to_who_has_no_key_of_it(
        self, fresh_app: FastAPI, business: Business
    ):
        key = KeyToken.parse(business.api_key)
        assert key is not None
        guessed = KeyToken.make(key.tenant_id, key.key_id, bytes(32)).text
        answer = await client_of(fresh_app, guessed).get("/v1/items")
        problem_of(answer, 401, "unauthenticated")
