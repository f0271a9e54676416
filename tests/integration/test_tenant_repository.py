"""What every `TenantRepository` keeps: one suite over the fake and over PostgreSQL."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import fields, replace

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.modules.tenants.domain.entities import Tenant, TenantState
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.fakes.tenants import NOON, TenantsInMemory, TenantsInPostgres, TenantsStore, a_tenant

TIMES = {"created_at", "updated_at"}


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> TenantsStore:
    if request.param == "fake":
        return TenantsInMemory()
    return TenantsInPostgres(request.getfixturevalue("database"))


async def stored(store: TenantsStore, tenant: Tenant) -> Tenant:
    async with store.tenant(tenant.id) as repo:
        return await repo.create(tenant)


async def updated(store: TenantsStore, tenant: Tenant) -> Tenant:
    async with store.tenant(tenant.id) as repo:
        return await repo.update(tenant)


async def found(store: TenantsStore, tenant_id: UUID) -> Tenant | None:
    async with store.tenant(tenant_id) as repo:
        tenant = await repo.get()
        assert await repo.get(lock=True) == tenant
        return tenant


def a_full_tenant(**changes: Any) -> Tenant:
    """Return a business with nothing left at its default."""
    settings = {"dài": [1, 1.5, None, True, {"": "😀\u2028"}], "lớn": 2**63 - 1}
    return replace(
        a_tenant(name="Quán “Ộp”", locale="zh-Hant-TW", time_zone="Asia/Tokyo"),
        state=TenantState.SUSPENDED,
        settings=settings,
        version=7,
        **changes,
    )


class TestStoredFields:
    def test_the_full_tenant_leaves_no_field_at_its_default(self):
        for field in fields(Tenant):
            assert getattr(a_full_tenant(), field.name) != field.default, field.name

    @pytest.mark.parametrize("name", [f.name for f in fields(Tenant) if f.name not in TIMES])
    async def test_each_comes_back_as_it_was_created_and_updated(
        self, store: TenantsStore, name: str
    ):
        full = a_full_tenant()
        for saved in (await stored(store, full), await found(store, full.id)):
            assert getattr(saved, name) == getattr(full, name)
        plain = a_tenant()
        await stored(store, plain)
        changed = replace(a_full_tenant(), id=plain.id, version=2)
        for saved in (await updated(store, changed), await found(store, plain.id)):
            assert getattr(saved, name) == getattr(changed, name)

    async def test_times_are_the_stores(self, store: TenantsStore):
        made = await stored(store, a_tenant())
        assert made.created_at == made.updated_at > NOON
        changed = await updated(store, replace(made, version=2, created_at=NOON))
        assert changed.created_at == made.created_at
        assert changed.updated_at > made.updated_at
        assert await found(store, made.id) == changed


class TestUpdate:
    @pytest.mark.parametrize("version", [1, 3, 4])
    async def test_refuses_a_stale_version(self, store: TenantsStore, version: int):
        made = await stored(store, a_tenant())
        with pytest.raises(PreconditionFailedError):
            await updated(store, replace(made, version=version, name="đến sau"))
        assert await found(store, made.id) == made

    async def test_refuses_a_business_that_is_not_there(self, store: TenantsStore):
        with pytest.raises(PreconditionFailedError):
            await updated(store, replace(a_tenant(), version=2))

    async def test_what_raises_is_undone(self, store: TenantsStore):
        made = await stored(store, a_tenant())
        with pytest.raises(ZeroDivisionError):
            async with store.tenant(made.id) as repo:
                await repo.update(replace(made, version=2, name="mất"))
                raise ZeroDivisionError
        assert await found(store, made.id) == made


class TestAnotherBusiness:
    async def test_is_neither_seen_nor_changed(self, store: TenantsStore):
        ours, theirs = await stored(store, a_tenant()), await stored(store, a_tenant())
        assert await found(store, ours.id) == ours
        async with store.tenant(ours.id) as repo:
            await repo.update(replace(ours, version=2, name="khác"))
        assert await found(store, theirs.id) == theirs
        assert await found(store, new_id()) is None


class TestPostgresTenantRepo:
    async def test_cannot_open_another_business_than_the_bound_one(self, database: Database):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(new_id()) as transaction:
                await PostgresTenantRepo(transaction).create(a_tenant())

    async def test_with_lock_lets_nobody_else_change_it(self, database: Database):
        tenant_id = (await stored(TenantsInPostgres(database), a_tenant())).id
        first = database.transaction(tenant_id)
        held = await PostgresTenantRepo(first).get(lock=True)
        assert held is not None

        async def second() -> Tenant | None:
            async with database.transaction(tenant_id) as transaction:
                return await PostgresTenantRepo(transaction).get(lock=True)

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        changed = await PostgresTenantRepo(first).update(replace(held, version=2, name="trước"))
        await first.commit()
        assert await waiting == changed

    async def test_never_dates_a_change_before_the_last_one(self, database: Database):
        made = await stored(TenantsInPostgres(database), a_tenant())
        async with database.transaction(made.id) as early:
            await PostgresTenantRepo(early).get()
            async with database.transaction(made.id) as late:
                second = await PostgresTenantRepo(late).update(replace(made, version=2))
            third = await PostgresTenantRepo(early).update(replace(made, version=3))
        assert third.updated_at >= second.updated_at
