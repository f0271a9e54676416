"""The check on databases of other people and on ours: what it finds, and how the command tells.

One file, so that one process at a time has the corpus's roles, which belong to the cluster.
"""

import json
from typing import Any

import pytest

from sokho.core.infrastructure.database.isolation import (
    CODES,
    Level,
    Report,
    Target,
    check_isolation,
)
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.conftest import SECRET
from tests.integration.command_line import Answer, Cli
from tests.isolation.corpus import BROKEN, DESK, SHOP, STILL_CLEAN, STYLES, Style
from tests.isolation.foreign import Foreign

_NO_TEAM = """
DO $$BEGIN
    IF to_regrole('shop_team') IS NOT NULL THEN
        DROP OWNED BY shop_team; DROP ROLE shop_team;
    END IF;
END$$
"""

# Found by nobody's mistake: what stands for a fault of the check or of a pooler.
_NOT_BROUGHT_ABOUT = {"binding_stays", "control_missed"}


async def check(dsn: str, style: Style, *, probe_writes: bool = True) -> Report:
    target = Target(
        app_role=style.app_role,
        tenant_column=style.tenant_column,
        tenant_setting=style.tenant_setting,
        shared_tables=frozenset(style.shared_tables),
        probe_writes=probe_writes,
    )
    return await check_isolation(dsn, target)


class TestCleanDatabases:
    @pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
    async def test_have_no_finding(self, foreign: Foreign, style: Style):
        with foreign.database(style) as dsn:
            report = await check(dsn, style)
        assert report.findings == []
        assert report.tenant_tables > 3

    @pytest.mark.parametrize("name", STILL_CLEAN)
    async def test_stay_clean(self, foreign: Foreign, name: str):
        with foreign.database(SHOP, STILL_CLEAN[name], _NO_TEAM) as dsn:
            report = await check(dsn, SHOP)
        assert report.findings == []

    async def test_are_exercised(self, foreign: Foreign):
        with foreign.database(SHOP) as dsn:
            report = await check(dsn, SHOP)
        assert report.not_exercised == []

    async def test_are_not_written_to(self, foreign: Foreign):
        read_only = (
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
            " current_database()); END$$"
        )
        with foreign.database(SHOP, read_only) as dsn:
            report = await check(dsn, SHOP, probe_writes=False)
        assert report.findings == []
        assert report.not_exercised == []


class TestBrokenDatabases:
    @pytest.mark.parametrize("name", BROKEN)
    async def test_are_named(self, foreign: Foreign, name: str):
        broken = BROKEN[name]
        with foreign.database(broken.style, broken.sql, broken.undo) as dsn:
            writes = broken.code == "writes_foreign"  # the others are seen without
            report = await check(dsn, broken.style, probe_writes=writes)
        told = {(finding.code, finding.object) for finding in report.findings}
        assert (broken.code, broken.object) in told
        assert all(finding.reason.vi and finding.reason.en for finding in report.found)

    def test_show_every_code(self):
        findings = {name for name, code in CODES.items() if code.level is Level.FINDING}
        assert {broken.code for broken in BROKEN.values()} >= findings - _NOT_BROUGHT_ABOUT


_COMMAND = ("check", "isolation")


@pytest.fixture
def cli(urls: DatabaseUrls) -> Cli:
    return Cli(
        SOKHO_DATABASE_URL=urls.app, SOKHO_WORKER_DATABASE_URL=urls.worker, SOKHO_SECRET=SECRET
    )


def options(dsn: str, style: Style = SHOP) -> list[str]:
    return [
        *(*_COMMAND, "--database-url", dsn, "--app-role", style.app_role),
        *("--tenant-column", style.tenant_column, "--tenant-setting", style.tenant_setting),
        *(word for name in style.shared_tables for word in ("--shared-table", name)),
    ]


def document(answer: Answer, returncode: int) -> dict[str, Any]:
    assert answer.returncode == returncode, answer.stderr
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


class TestOwnDatabase:
    def test_is_clean(self, cli: Cli, scratch: DatabaseUrls):
        """Of its own: in the one that tests share some spoil rows."""
        urls = {"SOKHO_DATABASE_URL": scratch.app, "SOKHO_ADMIN_DATABASE_URL": scratch.admin}
        told = document(cli(*_COMMAND, "--json", **urls), 0)
        assert told["sealed"]
        assert told["app_role"] == "sokho_app"
        assert told["tenant_tables"] == 22
        assert told["findings"] == told["advice"] == []

    def test_is_judged_by_the_service_s_own_role_too(self, cli: Cli):
        told = document(cli(*_COMMAND, "--json"), 0)
        assert told["findings"] == []
        assert {each["code"] for each in told["not_exercised"]} >= {"orphans_not_exercised"}

    def test_has_to_be_as_migrations_make_it(
        self, cli: Cli, scratch: DatabaseUrls, foreign: Foreign
    ):
        """What is advice elsewhere keeps the service from starting, and so is a finding here."""
        foreign.execute(scratch.admin, "DROP POLICY tenant_floor ON items")
        told = document(cli(*_COMMAND, "--json", SOKHO_DATABASE_URL=scratch.app), 1)
        assert [(each["code"], each["object"]) for each in told["findings"]] == [
            ("policy_missing", "items")
        ]
        answer = cli(*_COMMAND, SOKHO_DATABASE_URL=scratch.app, SOKHO_LANG="en")
        assert answer.returncode == 1
        assert "policy_missing" in answer.stdout

    def test_as_a_superuser_is_a_finding(self, cli: Cli, urls: DatabaseUrls):
        told = document(cli(*_COMMAND, "--json", SOKHO_DATABASE_URL=urls.admin), 1)
        assert "role_superuser" in {each["code"] for each in told["findings"]}


class TestForeignDatabase:
    def test_that_is_clean_is_told_in_both_languages(self, cli: Cli, foreign: Foreign):
        with foreign.database(SHOP) as dsn:
            for language, word in (("vi", "Đã tách biệt"), ("en", "Sealed: nothing found")):
                answer = cli(*options(dsn), SOKHO_LANG=language)
                assert answer.returncode == 0
                assert word in answer.stdout
                assert "floor_missing" in answer.stdout

    def test_that_is_broken_is_named_with_what_mends_it(self, cli: Cli, foreign: Foreign):
        change = "ALTER TABLE notes DISABLE ROW LEVEL SECURITY; GRANT TRUNCATE ON notes TO shop_app"
        with foreign.database(SHOP, change) as dsn:
            told = document(cli(*options(dsn), "--json"), 1)
            assert not told["sealed"]
            found = {each["code"]: each for each in told["findings"]}
            assert {"rls_disabled", "excess_grant", "rows_unbound", "rows_foreign"} <= {*found}
            for each in told["findings"]:
                assert each["object"] == "public.notes"
                assert each["reason"] == CODES[each["code"]].reason._asdict()
            answer = cli(*options(dsn), SOKHO_LANG="en")
            assert answer.returncode == 1
            assert "REVOKE TRUNCATE ON public.notes FROM shop_app" in answer.stdout
            foreign.execute(
                dsn, found["excess_grant"]["mend"], "ALTER TABLE notes ENABLE ROW LEVEL SECURITY"
            )
            assert document(cli(*options(dsn), "--json"), 0)["findings"] == []

    def test_may_be_checked_as_the_service_itself(self, cli: Cli, foreign: Foreign):
        with foreign.database(SHOP) as dsn:
            as_app = foreign.as_role(dsn, SHOP.app_role)
            told = document(cli(*options(as_app), "--json"), 0)
            assert told["findings"] == []
            assert told["not_exercised"]  # nobody tells it who else there is
            foreign.execute(dsn, "ALTER POLICY of_org ON notes USING (true)")
            told = document(cli(*options(as_app), "--json"), 1)
            assert {each["code"] for each in told["findings"]} >= {"policy_open", "rows_unbound"}

    def test_is_looked_at_schema_by_schema(self, cli: Cli, foreign: Foreign):
        change = (
            "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO shop_app;"
            "CREATE TABLE other.leaky (org_id uuid NOT NULL, id uuid PRIMARY KEY);"
            "GRANT SELECT ON other.leaky TO shop_app"
        )
        with foreign.database(SHOP, change) as dsn:
            assert cli(*options(dsn)).returncode == 1
            assert cli(*options(dsn), "--schema", "public").returncode == 0
            one = document(cli(*options(dsn), "--schema", "other", "--json"), 1)
            assert {each["object"] for each in one["findings"]} == {"other.leaky"}

    def test_needs_its_shared_tables_named(self, cli: Cli, foreign: Foreign):
        with foreign.database(DESK) as dsn:
            command = [word for word in options(dsn, DESK) if word != "schema_migrations"]
            command.pop()
            told = document(cli(*command, "--json"), 1)
            assert [(each["code"], each["object"]) for each in told["findings"]] == [
                ("no_tenant_column", "public.schema_migrations")
            ]

    def test_needs_the_service_s_role(self, cli: Cli, foreign: Foreign):
        with foreign.database(SHOP) as dsn:
            command = [word for word in options(dsn) if word not in {"--app-role", "shop_app"}]
            answer = cli(*command, "--json", SOKHO_LANG="en")
            assert [each["code"] for each in document(answer, 1)["findings"]] == ["role_superuser"]
            assert "--app-role" in answer.stderr
            told = document(cli(*options(dsn), "--app-role", "shop_auditor", "--json"), 0)
            assert "nothing_reached" in {each["code"] for each in told["not_exercised"]}

    def test_tells_of_what_was_not_tried(self, cli: Cli, foreign: Foreign):
        with foreign.database(SHOP, "TRUNCATE notes; DELETE FROM orders") as dsn:
            told = document(cli(*options(dsn), "--probe-writes", "--json"), 0)
            untried = {(each["code"], each["object"]) for each in told["not_exercised"]}
            assert ("reads_not_exercised", "public.notes") in untried
            assert ("writes_not_exercised", "public.orders") in untried


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            (("--app-role", "nobody_at_all"), "nobody_at_all"),
            (("--schema", "nowhere"), "nowhere"),
            (("--tenant-column", "no_such_column"), "no_such_column"),
            (("--database-url", "mysql://a@b/c"), "postgresql://"),
            (("--database-url", "postgresql://a@b:port/c"), "postgresql://"),
            (("--database-url", "postgresql://[::1/c"), "postgresql://"),
            (("--tenant-setting", "org"), "“org”"),
            (("--tenant-setting", ""), "--tenant-setting"),
            (("--database-url", "postgresql://a:x@127.0.0.1:1/c"), "127.0.0.1"),
        ],
    )
    def test_are_exit_code_2_in_one_sentence(
        self, cli: Cli, foreign: Foreign, change: tuple[str, str], word: str
    ):
        with foreign.database(SHOP) as dsn:
            answer = cli(*options(dsn), *change)
        assert answer.returncode == 2
        assert word in answer.stderr
        assert answer.stdout == ""

    def test_of_a_database_that_is_away(self, cli: Cli):
        away = "postgresql://sokho_app:x@127.0.0.1:1/sokho"
        assert cli(*_COMMAND, SOKHO_DATABASE_URL=away).returncode == 2
