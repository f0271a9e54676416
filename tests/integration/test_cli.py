"""The command line, run as its user runs it, on a database that is set."""

import json
import re
from pathlib import Path
from uuid import uuid4

import httpx2
import msgspec
import pytest

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.conftest import SECRET, client_of, close, settings_for
from tests.integration.command_line import Cli


@pytest.fixture
def cli(urls: DatabaseUrls, tmp_path: Path) -> Cli:
    return Cli(
        SOKHO_DATABASE_URL=urls.app,
        SOKHO_WORKER_DATABASE_URL=urls.worker,
        SOKHO_ADMIN_DATABASE_URL=urls.admin,
        SOKHO_SECRET=SECRET,
        SOKHO_DATA_DIR=str(tmp_path / "data"),
    )


class TestTenant:
    async def test_create_prints_one_object_whose_key_works(
        self, cli: Cli, anonymous: httpx2.AsyncClient
    ):
        made = cli.json("tenant", "create", "Tạp hóa Cô Ba")
        assert isinstance(made, dict)
        assert made.keys() == {"tenant_id", "name", "api_key"}
        answer = await anonymous.get(
            "/v1/items", headers={"Authorization": f"Bearer {made['api_key']}"}
        )
        assert (answer.status_code, answer.json()) == (200, [])
        listed = cli.json("tenant", "list")
        assert isinstance(listed, list)
        assert made["tenant_id"] in [tenant["tenant_id"] for tenant in listed]
        assert made["tenant_id"] in cli("tenant", "list").stdout

    def test_a_name_that_does_not_fit_is_a_sentence_and_exit_code_1(self, cli: Cli):
        answer = cli("tenant", "create", "   ")
        assert answer.returncode == 1
        assert "Tên doanh nghiệp" in answer.stderr
        assert answer.stdout == ""

    def test_without_a_secret_one_is_made_in_the_data_folder(self, cli: Cli, tmp_path: Path):
        assert cli("tenant", "create", "Tiệm may", SOKHO_SECRET="").returncode == 0
        assert (tmp_path / "data/secret").stat().st_mode & 0o777 == 0o600

    def test_a_missing_name_is_a_usage_error(self, cli: Cli):
        assert cli("tenant", "create").returncode == 2


class TestKey:
    async def test_create_list_and_revoke(self, cli: Cli, urls: DatabaseUrls):
        tenant = cli.json("tenant", "create", "Quán chè")
        assert isinstance(tenant, dict)
        owner = ("--tenant", tenant["tenant_id"])
        made = cli.json("key", "create", *owner, "--scope", "items:read")
        assert isinstance(made, dict)
        assert made["scopes"] == ["items:read"]
        assert made.keys() == {"key_id", "api_key", "scopes"}
        listed = cli.json("key", "list", *owner)
        assert isinstance(listed, list)
        assert len(listed) == 2
        assert made["api_key"] not in json.dumps(listed)
        assert cli("key", "revoke", made["key_id"], *owner).returncode == 0
        app = create_app(settings_for(urls))
        async with client_of(app, made["api_key"]) as client:
            assert (await client.get("/v1/items")).status_code == 401
        await close(app)

    def test_an_unknown_key_is_told(self, cli: Cli):
        answer = cli("key", "revoke", str(uuid4()), "--tenant", str(uuid4()), SOKHO_LANG="en")
        assert answer.returncode == 1
        assert "not found" in answer.stderr

    def test_an_unknown_tenant_is_told(self, cli: Cli):
        answer = cli("key", "create", "--tenant", str(uuid4()))
        assert answer.returncode == 1
        assert "doanh nghiệp" in answer.stderr

    def test_an_unknown_scope_is_a_usage_error(self, cli: Cli):
        answer = cli("key", "create", "--tenant", str(uuid4()), "--scope", "items:own")
        assert answer.returncode == 2


class TestDemo:
    async def test_two_businesses_are_opened_once_and_kept(
        self, cli: Cli, tmp_path: Path, anonymous: httpx2.AsyncClient
    ):
        demo = cli.json("demo")
        assert isinstance(demo, dict)
        assert demo["url"] == "http://127.0.0.1:8000"
        assert len(demo["tenants"]) == 2
        assert cli.json("demo") == demo
        assert (tmp_path / "data/demo.json").stat().st_mode & 0o777 == 0o600
        for tenant in demo["tenants"]:
            headers = {"Authorization": f"Bearer {tenant['api_key']}"}
            items = (await anonymous.get("/v1/items?limit=500", headers=headers)).json()
            assert len(items) >= 200
            assert {item["tenant_id"] for item in items} == {tenant["tenant_id"]}
            locations = (await anonymous.get("/v1/locations", headers=headers)).json()
            assert "KHO" in {location["code"] for location in locations}
            assert "bin" in {location["kind"] for location in locations}
            owner = ("--tenant", tenant["tenant_id"])
            [proof] = msgspec.convert(cli.json("check", "ledger", *owner), list[dict[str, object]])
            assert proof["findings"] == []
            assert msgspec.convert(proof["moves"], int) > 1_000

    def test_keys_of_another_database_are_not_kept(self, cli: Cli, tmp_path: Path):
        first = cli.json("demo")
        path = tmp_path / "data/demo.json"
        path.write_text(path.read_text().replace("sokho_0", "sokho_1"))
        second = cli.json("demo")
        assert isinstance(first, dict)
        assert isinstance(second, dict)
        assert first["tenants"] != second["tenants"]


class TestMigrate:
    def test_says_when_there_is_nothing_left_to_do(self, cli: Cli):
        answer = cli("migrate")
        assert answer.returncode == 0
        assert "mới nhất" in answer.stdout

    def test_needs_the_administrator_and_says_so(self, cli: Cli):
        answer = cli("migrate", SOKHO_ADMIN_DATABASE_URL="")
        assert answer.returncode == 1
        assert "SOKHO_ADMIN_DATABASE_URL" in answer.stderr


class TestOperatorKey:
    async def test_its_hash_makes_it_known_to_the_service(self, cli: Cli, urls: DatabaseUrls):
        made = cli.json("operator-key", "create")
        assert isinstance(made, dict)
        app = create_app(settings_for(urls, operator_key_hash=made["hash"]))
        async with client_of(app, made["operator_key"]) as client:
            assert (await client.get("/v1/items")).status_code == 403
        await close(app)
        unknown = create_app(settings_for(urls))
        async with client_of(unknown, made["operator_key"]) as client:
            assert (await client.get("/v1/items")).status_code == 401
        await close(unknown)

    def test_its_hash_is_told_with_the_secret_that_it_needs(self, cli: Cli):
        answer = cli("operator-key", "create")
        key, setting = answer.stdout.splitlines()
        assert key.startswith("sokhoop_")
        assert setting.startswith("SOKHO_OPERATOR_KEY_HASH=")
        assert "SOKHO_SECRET" in answer.stderr
        assert key not in answer.stderr


class TestMistakes:
    @pytest.mark.parametrize(
        ("variable", "value"),
        [("SOKHO_PORT", "eighty"), ("SOKHO_SECRET", "short"), ("SOKHO_POOL_SIZE", "0")],
    )
    def test_a_setting_that_does_not_fit_is_named_and_not_repeated(
        self, cli: Cli, variable: str, value: str
    ):
        answer = cli("tenant", "list", **{variable: value})
        assert answer.returncode == 1
        assert variable in answer.stderr
        assert value not in answer.stderr.replace(variable, "")

    def test_an_unreachable_database_is_told(self, cli: Cli):
        away = "postgresql://sokho_app:canary@127.0.0.1:1/sokho"
        for run, command in ((cli.process, "serve"), (cli, "demo")):
            answer = run(command, SOKHO_DATABASE_URL=away)
            assert answer.returncode == 1
            assert answer.stderr.strip()
            assert "canary" not in answer.stderr

    @pytest.mark.parametrize(
        "address", ["mysql://x@y/z", "sokho", "postgresql://sokho_app:canary@127.0.0.1:port/x"]
    )
    def test_an_address_that_is_none_is_told(self, cli: Cli, address: str):
        answer = cli("tenant", "create", "x", SOKHO_DATABASE_URL=address)
        assert answer.returncode == 1
        assert "SOKHO_DATABASE_URL" in answer.stderr
        assert "canary" not in answer.stderr

    @pytest.mark.parametrize("command", [("demo",), ("tenant", "create", "x")])
    def test_a_data_folder_that_is_none_is_told(
        self, cli: Cli, tmp_path: Path, command: tuple[str, ...]
    ):
        (tmp_path / "data").write_text("")
        answer = cli(*command, SOKHO_SECRET="")
        assert answer.returncode == 1
        assert "SOKHO_DATA_DIR" in answer.stderr

    def test_a_database_never_migrated_is_told_with_the_remedy(
        self, cli: Cli, scratch: DatabaseUrls
    ):
        empty = re.sub(r"/scratch_\w+", "/postgres", scratch.app)
        answer = cli("tenant", "create", "x", SOKHO_DATABASE_URL=empty)
        assert answer.returncode == 1
        assert "sokho migrate" in answer.stderr

    def test_a_wrong_password_is_told(self, cli: Cli, urls: DatabaseUrls):
        user, _, address = urls.app.partition("@")
        wrong = f"{user.rpartition(':')[0]}:canary@{address}"
        for run, command in ((cli.process, "serve"), (cli, "demo")):
            answer = run(command, SOKHO_DATABASE_URL=wrong)
            assert answer.returncode == 1
            assert "canary" not in answer.stderr

    def test_the_service_refuses_a_privileged_role(self, cli: Cli, urls: DatabaseUrls):
        answer = cli.process("serve", "--port", "0", SOKHO_DATABASE_URL=urls.admin)
        assert answer.returncode == 1
        assert "privileged_role" in answer.stderr

    def test_the_embedded_database_is_not_in_use_when_one_is_set(self, cli: Cli):
        answer = cli("database", "start")
        assert answer.returncode == 1
        assert "SOKHO_DATABASE_URL" in answer.stderr


class TestLanguage:
    @pytest.mark.parametrize(
        ("environment", "word"),
        [
            ({}, "doanh nghiệp"),
            ({"LANG": "C.UTF-8"}, "doanh nghiệp"),
            ({"LANG": "en_US.UTF-8"}, "businesses"),
            ({"LANG": "en_US.UTF-8", "LC_ALL": "vi_VN.UTF-8"}, "doanh nghiệp"),
            ({"LANG": "vi_VN.UTF-8", "SOKHO_LANG": "en"}, "businesses"),
        ],
    )
    def test_follows_the_locale_and_is_vietnamese_by_default(
        self, cli: Cli, environment: dict[str, str], word: str
    ):
        assert word in cli.process("tenant", "--help", **environment).stdout.replace("\n", " ")
