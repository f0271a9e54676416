"""Revision 0004 on a database with businesses and keys in it, beside the version before it."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.domain.clock import utc_now
from sokho.core.domain.events import Event
from sokho.core.domain.identity import Origin
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.modules.tenants.domain.entities import Tenant, TenantState
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.integration.test_migrations import move_to

ADA, BOB, KEY = uuid4(), uuid4(), uuid4()

# What the version before writes: it names the columns that it knows, and reads no others.
OPEN: Final = (
    "INSERT INTO tenants (id, name, state, created_at) VALUES ($1, $2, $3, now()) "
    "RETURNING id, name, state, created_at"
)
MAKE_KEY: Final = (
    "INSERT INTO api_keys (tenant_id, id, name, secret_hash, pepper_id, scopes, expires_at, "
    "revoked_at, created_at) "
    "VALUES ($1, $2, 'khóa', $3, 'pepper', '{items:read}', NULL, NULL, now()) RETURNING id"
)
KEPT: Final = {
    "tenants": "SELECT id, name, state, created_at FROM tenants ORDER BY id",
    "api_keys": (
        "SELECT tenant_id, id, name, secret_hash, pepper_id, scopes, expires_at, revoked_at, "
        "created_at FROM api_keys ORDER BY id"
    ),
}


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def before(scratch: DatabaseUrls, admin: Connection) -> DatabaseUrls:
    """A database of revision 0003 with two businesses, one of them suspended, and a key."""
    move_to(scratch, "base")
    move_to(scratch, "0003")
    await admin.execute(OPEN, ADA, "Ada", "active")
    await admin.execute(OPEN, BOB, "Bob", "suspended")
    await admin.execute(MAKE_KEY, ADA, KEY, bytes(32))
    return scratch


@pytest.fixture
async def database(before: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(before.app, pool_size=1)
    yield database
    await database.close()


async def kept(admin: Connection) -> dict[str, Any]:
    return {table: await admin.fetch(query) for table, query in KEPT.items()}


async def business(database: Database, tenant_id: UUID) -> Tenant:
    async with database.transaction(tenant_id, read_only=True) as transaction:
        tenant = await PostgresTenantRepo(transaction).get()
    assert tenant is not None
    return tenant


class TestUp:
    async def test_keeps_businesses_and_keys_as_they_were(
        self, before: DatabaseUrls, admin: Connection
    ):
        old = await kept(admin)
        move_to(before, "0004")
        assert await kept(admin) == old

    async def test_says_of_a_business_what_a_new_one_says(
        self, before: DatabaseUrls, database: Database
    ):
        move_to(before, "0004")
        for tenant_id, name, state in (
            (ADA, "Ada", TenantState.ACTIVE),
            (BOB, "Bob", TenantState.SUSPENDED),
        ):
            tenant = await business(database, tenant_id)
            fresh = Tenant.create(id=tenant_id, name=name, now=tenant.created_at)
            assert (tenant.state, tenant.locale, tenant.time_zone, tenant.settings) == (
                state,
                fresh.locale,
                fresh.time_zone,
                fresh.settings,
            )
            assert tenant.version == fresh.version
            assert tenant.updated_at >= tenant.created_at

    async def test_leaves_a_key_its_own_scopes(self, before: DatabaseUrls, database: Database):
        move_to(before, "0004")
        async with database.transaction(ADA, read_only=True) as transaction:
            [key] = await PostgresApiKeyRepo(transaction).list()
        assert (key.id, key.scopes, key.role) == (KEY, ("items:read",), None)
        assert (key.replaced_at, key.last_used_at) == (None, None)


class TestTheVersionBefore:
    async def test_goes_on_opening_businesses_which_this_one_serves(
        self, before: DatabaseUrls, database: Database
    ):
        move_to(before, "0004")
        tenant_id = uuid4()
        async with database.unbound() as connection:
            await connection.execute(f"BEGIN; SET LOCAL app.current_tenant = '{tenant_id}'")
            await connection.execute(OPEN, tenant_id, "Mới", "active")
            await connection.execute(MAKE_KEY, tenant_id, uuid4(), bytes(32))
            await connection.execute("COMMIT")
        tenant = await business(database, tenant_id)
        assert (tenant.name, tenant.version, tenant.settings) == ("Mới", 1, {})
        assert (tenant.locale, tenant.time_zone) == ("vi-VN", "Asia/Ho_Chi_Minh")
        assert tenant.updated_at == tenant.created_at
        async with database.transaction(tenant_id) as transaction:
            changed = tenant.patch(now=utc_now(), settings={"a": 1})
            transaction.record(Event("tenant.updated", str(tenant_id), {}))
            assert (await PostgresTenantRepo(transaction).update(changed)).version == 2

    async def test_goes_on_suspending_through_the_worker(
        self, before: DatabaseUrls, database: Database
    ):
        move_to(before, "0004")
        worker = await asyncpg.connect(before.worker)
        await worker.execute("UPDATE tenants SET state = 'suspended' WHERE id = $1", ADA)
        await worker.close()
        assert (await business(database, ADA)).state == TenantState.SUSPENDED


class TestDownAndUpAgain:
    async def test_keeps_businesses_and_keys_and_forgets_what_happened(
        self, before: DatabaseUrls, admin: Connection, database: Database
    ):
        old = await kept(admin)
        move_to(before, "0004")
        async with database.transaction(ADA, origin=Origin("x", "Lan")) as transaction:
            transaction.record(Event("thing.happened", None, {}))
        assert await admin.fetchval("SELECT count(*) FROM events") == 1
        move_to(before, "-1")
        assert await kept(admin) == old
        tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert not {"events", "actors"} & {row["tablename"] for row in tables}
        move_to(before, "0004")
        assert await kept(admin) == old
        for table in ("events", "actors"):
            assert await admin.fetchval(f"SELECT count(*) FROM {table}") == 0
