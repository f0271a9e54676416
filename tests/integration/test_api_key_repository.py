"""What every `ApiKeyRepository` keeps: one suite over the fake and over PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import MISSING, fields, replace
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

import pytest

from sokho.core.domain.ids import new_id
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.errors import TenantNotFoundError
from sokho.modules.api_keys.domain.repository import ApiKeyRepository
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.fakes.api_keys import NOON, ApiKeyStore, FakeApiKeyRepo, an_api_key

Open: TypeAlias = Callable[[UUID], AbstractAsyncContextManager[ApiKeyRepository]]
"""Opens a tenant's keys, in a transaction of its own."""

NEVER_AT_CREATION: Final = {"revoked_at"}


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
        store.now += timedelta(seconds=1)
        yield FakeApiKeyRepo(tenant_id, store)

    @asynccontextmanager
    async def in_postgres(tenant_id: UUID) -> AsyncIterator[ApiKeyRepository]:
        async with database.transaction(tenant_id) as transaction:
            yield PostgresApiKeyRepo(transaction)

    if request.param == "fake":
        return in_memory
    for tenant_id in (tenant, neighbour):
        async with database.transaction(tenant_id) as transaction:
            await TenantService(PostgresTenantRepo(transaction)).create(tenant_id, "Kho thử")
    return in_postgres


def a_full_key(tenant_id: UUID) -> ApiKey:
    """Return a key with nothing left at its default that a new key may have."""
    return an_api_key(
        tenant_id=tenant_id,
        name="kế toán “ca 2”",
        scopes=frozenset({Scope.ITEMS_WRITE, Scope.AUDIT_READ}),
        expires_at=NOON + timedelta(days=30, microseconds=1),
    )


async def created(keys_of: Open, *keys: ApiKey) -> list[ApiKey]:
    return [await _create(keys_of, key) for key in keys]


async def _create(keys_of: Open, key: ApiKey) -> ApiKey:
    async with keys_of(key.tenant_id) as repo:
        return await repo.create(key)


async def listed(keys_of: Open, tenant_id: UUID) -> list[ApiKey]:
    async with keys_of(tenant_id) as repo:
        return await repo.list()


async def revoked(keys_of: Open, tenant_id: UUID, id: UUID) -> bool:
    async with keys_of(tenant_id) as repo:
        return await repo.revoke(id)


class TestCreateApiKey:
    def test_the_full_key_leaves_no_field_at_its_default(self, tenant: UUID):
        key = a_full_key(tenant)
        for field in fields(ApiKey):
            if field.default is not MISSING and field.name not in NEVER_AT_CREATION:
                assert getattr(key, field.name) != field.default, field.name

    @pytest.mark.parametrize("name", [field.name for field in fields(ApiKey)])
    async def test_every_field_comes_back(self, keys_of: Open, tenant: UUID, name: str):
        key = a_full_key(tenant)
        [answered] = await created(keys_of, key)
        [read] = await listed(keys_of, tenant)
        assert getattr(key, name) == getattr(answered, name) == getattr(read, name)

    async def test_a_key_may_never_expire(self, keys_of: Open, tenant: UUID):
        [key] = await created(keys_of, an_api_key(tenant_id=tenant))
        assert key.expires_at is None

    async def test_refuses_a_key_of_no_business(self, keys_of: Open):
        with pytest.raises(TenantNotFoundError):
            await created(keys_of, an_api_key(tenant_id=new_id()))


class TestListApiKeys:
    async def test_is_in_the_order_of_creation_with_revoked_ones(self, keys_of: Open, tenant: UUID):
        first = an_api_key(tenant_id=tenant)
        twins = sorted(
            (an_api_key(tenant_id=tenant, now=NOON + timedelta(1)) for _ in range(3)),
            key=lambda key: key.id,
        )
        await created(keys_of, *reversed(twins), first)
        await revoked(keys_of, tenant, first.id)
        assert [key.id for key in await listed(keys_of, tenant)] == [
            key.id for key in (first, *twins)
        ]


class TestRevokeApiKey:
    async def test_is_told_of_an_unknown_key(self, keys_of: Open, tenant: UUID):
        assert not await revoked(keys_of, tenant, new_id())

    async def test_marks_the_key_and_changes_nothing_else(self, keys_of: Open, tenant: UUID):
        key, other = await created(keys_of, a_full_key(tenant), a_full_key(tenant))
        assert await revoked(keys_of, tenant, key.id)
        after = {key.id: key for key in await listed(keys_of, tenant)}
        moment = after[key.id].revoked_at
        assert moment is not None
        assert moment > NOON
        assert after == {key.id: replace(key, revoked_at=moment), other.id: other}

    async def test_keeps_the_first_moment(self, keys_of: Open, tenant: UUID):
        [key] = await created(keys_of, a_full_key(tenant))
        assert await revoked(keys_of, tenant, key.id)
        before = await listed(keys_of, tenant)
        assert await revoked(keys_of, tenant, key.id)
        assert await listed(keys_of, tenant) == before


class TestAnotherTenant:
    async def test_neither_sees_nor_revokes_a_key(
        self, keys_of: Open, tenant: UUID, neighbour: UUID
    ):
        [key] = await created(keys_of, a_full_key(tenant))
        assert await listed(keys_of, neighbour) == []
        assert not await revoked(keys_of, neighbour, key.id)
        assert await listed(keys_of, tenant) == [key]
