"""The quick look at the catalogue before a start: each way to break the seal is named."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.policies import tenant_predicate
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.database.readiness import (
    UnreachableError,
    is_ready,
    refuse_unless_sealed,
    wait_until_sealed,
)
from sokho.core.infrastructure.database.seal import find_leaks
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls


@pytest.fixture
async def admin(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(scratch.admin)
    yield connection
    await connection.close()


@pytest.fixture
async def service(scratch: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(scratch.app, pool_size=1)
    yield database
    await database.close()


async def findings(service: Database) -> set[tuple[str, str]]:
    async with service.unbound() as connection:
        return {(leak.code, leak.object) for leak in await find_leaks(connection)}


_OPEN_TO_ALL = "CREATE POLICY generous ON items FOR SELECT TO sokho_app USING (true)"

BROKEN = {
    "row security is off": (
        "ALTER TABLE items DISABLE ROW LEVEL SECURITY",
        ("rls_disabled", "items"),
    ),
    "the owner is let through": (
        "ALTER TABLE items NO FORCE ROW LEVEL SECURITY",
        ("rls_not_forced", "items"),
    ),
    "the policy is gone": ("DROP POLICY tenant_access ON items", ("policy_missing", "items")),
    "the floor is gone": ("DROP POLICY tenant_floor ON api_keys", ("policy_missing", "api_keys")),
    "the floor stands for one command only": (
        (
            "DROP POLICY tenant_floor ON items; CREATE POLICY tenant_floor ON items AS RESTRICTIVE "
            f"FOR UPDATE USING ({tenant_predicate()}) WITH CHECK ({tenant_predicate()})"
        ),
        ("policy_missing", "items"),
    ),
    "the floor is permissive": (
        "DROP POLICY tenant_floor ON items; CREATE POLICY tenant_floor ON items USING (true)",
        ("policy_missing", "items"),
    ),
    "the policy lets all through": (
        "ALTER POLICY tenant_access ON items USING (true)",
        ("policy_altered", "items"),
    ),
    "the check lets all through": (
        "ALTER POLICY tenant_access ON items WITH CHECK (true)",
        ("policy_altered", "items"),
    ),
    "an unset tenant is forgiven": (
        (
            "ALTER POLICY tenant_access ON items USING "
            "(tenant_id = (SELECT current_setting('app.current_tenant', true)::uuid))"
        ),
        ("policy_altered", "items"),
    ),
    "another setting decides": (
        (
            "ALTER POLICY tenant_floor ON tenants USING "
            "(id = (SELECT current_setting('app.other')::uuid))"
        ),
        ("policy_altered", "tenants"),
    ),
    "another column decides": (
        (
            "ALTER POLICY tenant_access ON items USING "
            "(id = (SELECT current_setting('app.current_tenant')::uuid))"
        ),
        ("policy_altered", "items"),
    ),
    "a second policy is generous": (_OPEN_TO_ALL, ("policy_altered", "items")),
    "a table is not sealed": (
        "CREATE TABLE notes (tenant_id uuid NOT NULL); GRANT SELECT ON notes TO sokho_app",
        ("rls_disabled", "notes"),
    ),
    "a table belongs to nobody": (
        "CREATE TABLE notes (id int); GRANT INSERT ON notes TO sokho_app",
        ("no_tenant_column", "notes"),
    ),
    "a column of a table is granted": (
        "CREATE TABLE notes (id int); GRANT SELECT (id) ON notes TO sokho_app",
        ("no_tenant_column", "notes"),
    ),
    "the tenant may be missing": (
        (
            "ALTER TABLE item_tags DROP CONSTRAINT item_tags_pkey;"
            "ALTER TABLE item_tags ALTER tenant_id DROP NOT NULL"
        ),
        ("no_tenant_column", "item_tags"),
    ),
    "a table of another schema is not sealed": (
        (
            "CREATE SCHEMA other; CREATE TABLE other.leaky (tenant_id uuid NOT NULL);"
            "GRANT USAGE ON SCHEMA other TO sokho_app; GRANT SELECT ON other.leaky TO sokho_app"
        ),
        ("rls_disabled", "other.leaky"),
    ),
    "a table may be emptied": ("GRANT TRUNCATE ON items TO sokho_app", ("excess_grant", "items")),
    "a view looks past the policy": (
        "CREATE VIEW every_item AS SELECT * FROM items; GRANT SELECT ON every_item TO sokho_app",
        ("not_a_table", "every_item"),
    ),
    "a materialized view keeps a copy": (
        "CREATE MATERIALIZED VIEW copies AS SELECT 1 AS a; GRANT SELECT ON copies TO sokho_app",
        ("not_a_table", "copies"),
    ),
}


class TestFindLeaks:
    async def test_finds_nothing_on_a_migrated_database(self, service: Database):
        assert await findings(service) == set()
        await refuse_unless_sealed(service)
        assert await is_ready(service)

    @pytest.mark.parametrize("name", BROKEN)
    async def test_names_what_is_broken_and_refuses_to_start(
        self, admin: Connection, service: Database, name: str
    ):
        command, expected = BROKEN[name]
        await admin.execute(command)
        assert expected in await findings(service)
        with pytest.raises(OperatorError) as refusal:
            await refuse_unless_sealed(service)
        assert expected[1] in refusal.value.text.vi

    @pytest.mark.parametrize("power", ["BYPASSRLS", "CREATEROLE", "REPLICATION"])
    async def test_a_role_with_a_power_is_refused(
        self, admin: Connection, scratch: DatabaseUrls, power: str
    ):
        role = f"with_{power.lower()}"
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' {power}")
        service = Database(f"postgresql://{role}:x@{scratch.app.partition('@')[2]}", pool_size=1)
        try:
            assert ("privileged_role", role) in await findings(service)
        finally:
            await service.close()
            await admin.execute(f"DROP ROLE {role}")

    async def test_a_privileged_role_is_refused(self, scratch: DatabaseUrls):
        service = Database(scratch.admin, pool_size=1)
        assert ("privileged_role", "sokho_admin") in await findings(service)
        with pytest.raises(OperatorError, match="privileged_role"):
            await refuse_unless_sealed(service)
        await service.close()

    @pytest.mark.parametrize(
        "powerful", ["sokho_owner", "pg_read_all_data", "pg_write_server_files"]
    )
    async def test_a_role_that_can_become_a_powerful_one_is_refused(
        self, admin: Connection, scratch: DatabaseUrls, powerful: str
    ):
        role = f"member_of_{powerful}"
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT {powerful} TO {role}")
        address = scratch.app.partition("@")[2]
        service = Database(f"postgresql://{role}:x@{address}", pool_size=1)
        try:
            assert ("privileged_role", role) in await findings(service)
        finally:
            await service.close()
            await admin.execute(f"DROP ROLE {role}")


class TestReadiness:
    async def test_a_schema_that_comes_before_ours_is_found(
        self, admin: Connection, service: Database
    ):
        await admin.execute("CREATE SCHEMA sokho_app; GRANT USAGE ON SCHEMA sokho_app TO sokho_app")
        assert "search_path" in {code for code, _ in await findings(service)}

    async def test_an_older_schema_is_told_with_the_command_that_mends_it(
        self, admin: Connection, service: Database
    ):
        await admin.execute("UPDATE alembic_version SET version_num = '0001'")
        assert not await is_ready(service)
        with pytest.raises(OperatorError, match="sokho migrate"):
            await refuse_unless_sealed(service)

    async def test_a_newer_schema_is_told_with_another_remedy(
        self, admin: Connection, service: Database
    ):
        await admin.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(OperatorError, match="update Sokho"):
            await refuse_unless_sealed(service)

    async def test_a_database_that_was_never_migrated_is_told_so(
        self, admin: Connection, service: Database
    ):
        await admin.execute("DROP TABLE alembic_version")
        with pytest.raises(OperatorError, match="version 0"):
            await refuse_unless_sealed(service)

    async def test_an_unreachable_database_is_told(self, scratch: DatabaseUrls):
        service = Database(scratch.app.replace("port=5432", "port=1"), pool_size=1)
        assert not await is_ready(service)
        with pytest.raises(OperatorError, match="cannot be reached"):
            await refuse_unless_sealed(service)


class TestWorkerThatStarts:
    """While PostgreSQL restarts, say: a worker that gives up ends the whole service."""

    @pytest.fixture
    async def shut(self, admin: Connection) -> str:
        """Let nobody else in; return the database's name."""
        name: str = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        return name

    async def test_waits_until_the_database_can_be_reached(
        self, shut: str, admin: Connection, service: Database
    ):
        waiting = asyncio.create_task(wait_until_sealed(service))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await admin.execute(f"GRANT CONNECT ON DATABASE {shut} TO PUBLIC")
        await waiting

    @pytest.mark.usefixtures("shut")
    async def test_gives_up_in_the_end(self, service: Database):
        with pytest.raises(UnreachableError):
            await wait_until_sealed(service, patience=0.0)

    async def test_does_not_wait_for_a_seal(self, admin: Connection, service: Database):
        await admin.execute("ALTER TABLE items NO FORCE ROW LEVEL SECURITY")
        with pytest.raises(OperatorError) as caught:
            await wait_until_sealed(service)
        assert not isinstance(caught.value, UnreachableError)


class TestGrants:
    async def test_the_service_may_change_rows_and_nothing_else(self, service: Database):
        async with service.unbound() as connection:
            granted = await connection.fetch(
                "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
                "WHERE grantee = 'sokho_app' AND table_name <> 'alembic_version'"
            )
            dml = {"SELECT", "INSERT", "UPDATE", "DELETE"}
            assert {row["privilege_type"] for row in granted} == dml
            kept, counted = frozenset({"SELECT", "INSERT"}), dml - {"DELETE"}
            less = {
                "events": kept,
                "stock_transactions": kept,
                "stock_moves": kept,
                "stock_accounts": kept,
                "stock_balances": counted,
                "stock_counters": counted,
                "stock_months": counted,
                "stock_late_legs": kept,
                "stock_counts": counted,
                "stock_count_lines": counted,
                "stock_period_locks": kept,
                "stock_reservations": counted,
                "stock_reservation_lines": counted,
            }
            assert len(granted) == len(dml) * 9 + sum(map(len, less.values()))
            for table, kinds in less.items():
                of_table = {row["privilege_type"] for row in granted if row["table_name"] == table}
                assert of_table == kinds
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("TRUNCATE items")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE TABLE mine (id int)")

    async def test_row_security_cannot_be_switched_off(self, service: Database):
        async with service.unbound() as connection:
            await connection.execute("SET row_security = off")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT * FROM items")
            await connection.execute("RESET row_security")

    async def test_the_worker_sees_which_businesses_exist_and_nothing_of_theirs(
        self, scratch: DatabaseUrls
    ):
        worker = await asyncpg.connect(scratch.worker)
        assert await worker.fetch("SELECT id, name, state, created_at FROM tenants") == []
        for forbidden in (
            "SELECT * FROM items",
            "SELECT * FROM api_keys",
            "UPDATE tenants SET name = 'x'",
            "DELETE FROM tenants",
            "INSERT INTO tenants (id) VALUES (gen_random_uuid())",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await worker.execute(forbidden)
        await worker.close()
