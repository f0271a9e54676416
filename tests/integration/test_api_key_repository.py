"""What every `ApiKeyRepository` keeps: one suite over the fake and over PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import Position
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.errors import TenantNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.fakes.api_keys import NOON, ApiKeyStore, FakeApiKeyRepo, an_api_key

Open: TypeAlias = Callable[[UUID], AbstractAsyncContextManager[ApiKeyRepository]]
"""Opens a tenant's keys, in a transaction of its own."""


@pytest.fixture
def tenant() -> UUID:
    return new_id()


@pytest.fixture
def neighbour() -> UUID:
    """Another tenant of the same store."""
    return new_id()


@pytest.fixture(params=["fake", "postgres"])
async def keys_of(
    request: pytest.FixtureRequest, database: Database, tenant: UUID, neighbour: UUID
) -> Open:
    store = ApiKeyStore(tenant, neighbour)

    @asynccontextmanager
    async def in_memory(tenant_id: UUID) -> AsyncIterator[ApiKeyRepository]:
        yield FakeApiKeyRepo(tenant_id, store)

    @asynccontextmanager
    async def in_postgres(tenant_id: UUID) -> AsyncIterator[ApiKeyRepository]:
        async with database.transaction(tenant_id) as transaction:
            yield PostgresApiKeyRepo(transaction)

    if request.param == "fake":
        return in_memory
    for tenant_id in (tenant, neighbour):
        async with database.transaction(tenant_id) as transaction:
            tenants = TenantService(PostgresTenantRepo(transaction), transaction)
            await tenants.create(tenant_id, "Kho thử")
    return in_postgres


def a_full_key(tenant_id: UUID) -> ApiKey:
    """Return a key with nothing left at its default."""
    key = an_api_key(
        tenant_id=tenant_id,
        name="kế toán “ca 2”",
        scopes=None,
        role=Role.ACCOUNTANT,
        expires_at=NOON + timedelta(days=30, microseconds=1),
    )
    later = [NOON + timedelta(days) for days in (1, 2, 3)]
    return replace(key, revoked_at=later[0], replaced_at=later[1], last_used_at=later[2])


async def created(keys_of: Open, *keys: ApiKey) -> list[ApiKey]:
    return [await _create(keys_of, key) for key in keys]


async def _create(keys_of: Open, key: ApiKey) -> ApiKey:
    async with keys_of(key.tenant_id) as repo:
        return await repo.create(key)


async def listed(keys_of: Open, tenant_id: UUID) -> list[ApiKey]:
    async with keys_of(tenant_id) as repo:
        return await repo.list()


async def found(keys_of: Open, tenant_id: UUID, id: UUID) -> ApiKey | None:
    async with keys_of(tenant_id) as repo:
        return await repo.get_by_id(id)


async def updated(keys_of: Open, tenant_id: UUID, key: ApiKey) -> None:
    async with keys_of(tenant_id) as repo:
        await repo.lock()
        await repo.update(key)


class TestCreateApiKey:
    def test_the_full_key_leaves_no_field_at_its_default(self, tenant: UUID):
        key = a_full_key(tenant)
        for field in fields(ApiKey):
            if field.default is not NODEFAULT:
                assert getattr(key, field.name) != field.default, field.name

    @pytest.mark.parametrize("name", [field.name for field in fields(ApiKey)])
    async def test_every_field_comes_back(self, keys_of: Open, tenant: UUID, name: str):
        key = a_full_key(tenant)
        [answered] = await created(keys_of, key)
        [read] = await listed(keys_of, tenant)
        again = await found(keys_of, tenant, key.id)
        assert getattr(key, name) == getattr(answered, name) == getattr(read, name)
        assert getattr(key, name) == getattr(again, name)

    async def test_a_key_may_never_expire(self, keys_of: Open, tenant: UUID):
        [key] = await created(keys_of, an_api_key(tenant_id=tenant))
        assert key.expires_at is None

    async def test_refuses_a_key_of_no_business(self, keys_of: Open):
        with pytest.raises(TenantNotFoundError):
            await created(keys_of, an_api_key(tenant_id=new_id()))


class TestListApiKeys:
    async def test_is_in_the_order_of_creation_with_revoked_ones(self, keys_of: Open, tenant: UUID):
        keys = [an_api_key(tenant_id=tenant) for _ in range(4)]
        keys[1] = replace(keys[1], revoked_at=NOON)
        await created(keys_of, *reversed(keys))
        assert await listed(keys_of, tenant) == keys

    @pytest.mark.parametrize("descending", [False, True])
    async def test_is_read_page_by_page(self, keys_of: Open, tenant: UUID, descending: bool):
        keys = await created(keys_of, *(an_api_key(tenant_id=tenant) for _ in range(5)))
        pages: list[ApiKey] = []
        after: Position | None = None
        async with keys_of(tenant) as repo:
            while page := await repo.list(2, descending=descending, after=after):
                pages += page
                after = (page[-1].id,)
            skipped = await repo.list(2, 4, descending=descending)
        assert pages == (keys[::-1] if descending else keys)
        assert skipped == pages[4:]


class TestGetApiKey:
    async def test_finds_nothing_under_an_unknown_id(self, keys_of: Open, tenant: UUID):
        await created(keys_of, an_api_key(tenant_id=tenant))
        assert await found(keys_of, tenant, new_id()) is None


class TestUpdateApiKey:
    async def test_stores_its_end_and_changes_nothing_else(self, keys_of: Open, tenant: UUID):
        key, other = await created(
            keys_of, an_api_key(tenant_id=tenant), an_api_key(tenant_id=tenant)
        )
        ended = replace(
            key,
            expires_at=NOON + timedelta(1),
            replaced_at=NOON,
            revoked_at=NOON + timedelta(2),
        )
        await updated(keys_of, tenant, ended)
        assert await listed(keys_of, tenant) == [ended, other]


class TestLock:
    async def test_tells_the_stores_time(self, keys_of: Open, tenant: UUID):
        async with keys_of(tenant) as repo:
            first, second = await repo.lock(), await repo.lock()
        assert first.tzinfo is not None
        assert first <= second

    async def test_of_no_business_is_refused(self, keys_of: Open):
        with pytest.raises(TenantNotFoundError):
            async with keys_of(new_id()) as repo:
                await repo.lock()

    @pytest.mark.parametrize("keys_of", ["postgres"], indirect=True)
    async def test_tells_the_databases_time_once_nobody_else_has_the_keys(
        self, database: Database, keys_of: Open, tenant: UUID
    ):
        """A time from before the wait would let in a key that expired meanwhile."""
        async with database.transaction(tenant) as first:
            await PostgresApiKeyRepo(first).lock()

            async def second() -> datetime:
                async with keys_of(tenant) as repo:
                    return await repo.lock()

            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            released = await PostgresApiKeyRepo(first).lock()
        assert await waiting > released


class TestAnotherTenant:
    async def test_neither_sees_nor_changes_a_key(
        self, keys_of: Open, tenant: UUID, neighbour: UUID
    ):
        [key] = await created(keys_of, an_api_key(tenant_id=tenant))
        assert await listed(keys_of, neighbour) == []
        assert await found(keys_of, neighbour, key.id) is None
        await updated(keys_of, neighbour, replace(key, revoked_at=NOON))
        assert await listed(keys_of, tenant) == [key]


class TestNewerKey:
    @pytest.mark.parametrize("keys_of", ["postgres"], indirect=True)
    async def test_of_a_role_that_is_not_known_here_may_what_is(
        self, urls: DatabaseUrls, keys_of: Open, tenant: UUID
    ):
        """A newer version of the service writes roles and scopes that this one has not."""
        [key] = await created(keys_of, an_api_key(tenant_id=tenant))
        admin = await asyncpg.connect(urls.admin)
        try:
            await admin.execute(
                "UPDATE api_keys SET role = 'auditor', scopes = '{audit:sign,stock:read}' "
                "WHERE id = $1",
                key.id,
            )
        finally:
            await admin.close()
        [read] = await listed(keys_of, tenant)
        assert (read.role, read.scopes) == (None, (Scope.STOCK_READ,))
