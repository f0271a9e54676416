"""What was posted stays: for the service by its grants, for everybody else by a trigger."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest

from sokho.core.infrastructure.database.statements import TENANT_SETTING
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.stocked import Store
from tests.conftest import Business

TABLES: Final = ("stock_transactions", "stock_moves")

every_change = pytest.mark.parametrize(
    "change",
    [
        command.format(table)
        for table in TABLES
        for command in (
            "UPDATE {} SET effective_at = effective_at",
            "DELETE FROM {}",
            "TRUNCATE {} CASCADE",
        )
    ],
)

Connection = asyncpg.Connection


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("5")
    await store.transfer("2")
    return store


@pytest.fixture
async def service(urls: DatabaseUrls, store: Store) -> AsyncIterator["Connection[asyncpg.Record]"]:
    """A connection of the service's role, bound to the business."""
    connection = await asyncpg.connect(urls.app)
    bind = f"SELECT set_config('{TENANT_SETTING}', $1, false)"
    await connection.execute(bind, str(store.business.tenant_id))
    yield connection
    await connection.close()


@pytest.fixture
async def superuser(urls: DatabaseUrls) -> AsyncIterator["Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


class TestService:
    @every_change
    async def test_may_change_nothing_that_was_posted(
        self, service: "Connection[asyncpg.Record]", change: str
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(change)

    @pytest.mark.parametrize(
        "table", ["stock_accounts", "stock_balances", "stock_counters", "stock_late_legs"]
    )
    async def test_may_delete_nothing_of_the_ledger(
        self, service: "Connection[asyncpg.Record]", table: str
    ):
        for command in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(command)

    @pytest.mark.parametrize(
        "change", ["stock_accounts SET location_id = location_id", "stock_late_legs SET seq = seq"]
    )
    async def test_may_change_neither_an_account_nor_what_was_late(
        self, service: "Connection[asyncpg.Record]", change: str
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(f"UPDATE {change}")

    async def test_is_stopped_by_the_grants_and_not_by_the_trigger(
        self, service: "Connection[asyncpg.Record]"
    ):
        """The control: it reads what it may not change, and naming the path helps it nothing."""
        for table in TABLES:
            assert await service.fetchval(f"SELECT count(*) FROM {table}") == 2
            await service.execute("SET sokho.erases_tenant = 'on'")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(f"DELETE FROM {table}")


class TestSuperuser:
    @every_change
    async def test_is_stopped_by_the_trigger(
        self, store: Store, superuser: "Connection[asyncpg.Record]", change: str
    ):
        with pytest.raises(asyncpg.RestrictViolationError, match="never changed"):
            await superuser.execute(change)
        assert await store.on_hand() == "3"

    async def test_changes_at_will_without_the_trigger(self, scratch: DatabaseUrls):
        """The control: it is the trigger that stops it; of nobody's rows, a TRUNCATE is stopped."""
        admin = await asyncpg.connect(scratch.admin)
        with pytest.raises(asyncpg.RestrictViolationError):
            await admin.execute("TRUNCATE stock_moves")
        await admin.execute("ALTER TABLE stock_moves DISABLE TRIGGER USER")
        await admin.execute("TRUNCATE stock_moves")
        await admin.close()

    async def test_erases_a_whole_business_when_it_says_so(
        self, store: Store, superuser: "Connection[asyncpg.Record]"
    ):
        tenant_id = store.business.tenant_id
        async with superuser.transaction():
            await superuser.execute("SET LOCAL sokho.erases_tenant = 'on'")
            with pytest.raises(asyncpg.RestrictViolationError):
                async with superuser.transaction():
                    update = "UPDATE stock_moves SET quantity = 1 WHERE tenant_id = $1"
                    await superuser.execute(update, tenant_id)
            for table in reversed(TABLES):
                gone = await superuser.execute(
                    f"DELETE FROM {table} WHERE tenant_id = $1", tenant_id
                )
                assert gone == "DELETE 2"
        with pytest.raises(asyncpg.RestrictViolationError):
            await superuser.execute("DELETE FROM stock_moves")


class TestCheck:
    @pytest.mark.parametrize(
        "change",
        ["on_hand = -1", "reserved = -1", "reserved = on_hand + 1", "on_hand = 0, reserved = 1"],
    )
    async def test_stands_behind_the_service(
        self, store: Store, superuser: "Connection[asyncpg.Record]", change: str
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await superuser.execute(
                f"UPDATE stock_balances SET {change} WHERE tenant_id = $1",
                store.business.tenant_id,
            )
