"""The commands on businesses and keys: what they print, what they do, and how they end."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.problems import problem_of
from tests.conftest import SECRET, Business, client_of, close, settings_for
from tests.integration.command_line import Cli

ITEMS = "/v1/items"


@pytest.fixture
def cli(urls: DatabaseUrls, tmp_path: Path) -> Cli:
    return Cli(
        SOKHO_DATABASE_URL=urls.app,
        SOKHO_WORKER_DATABASE_URL=urls.worker,
        SOKHO_SECRET=SECRET,
        SOKHO_DATA_DIR=str(tmp_path / "data"),
        SOKHO_LANG="en",
    )


@pytest.fixture
async def unwarned(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    """A service that remembers nobody yet."""
    app = create_app(settings_for(urls))
    yield app
    await close(app)


@pytest.fixture
def tenant(cli: Cli) -> dict[str, Any]:
    return printed(cli, "tenant", "create", "Quán chè")


def printed(cli: Cli, *arguments: str) -> dict[str, Any]:
    """Run a command that prints one JSON object."""
    found = cli.json(*arguments)
    assert isinstance(found, dict)
    return found


class TestTenantCommands:
    async def test_suspend_and_resume_take_effect_and_are_told(
        self, cli: Cli, unwarned: FastAPI, tenant: dict[str, Any]
    ):
        shown = printed(cli, "tenant", "show", tenant["tenant_id"])
        assert shown.keys() == {
            *("tenant_id", "name", "state", "locale", "time_zone", "settings"),
            *("version", "created_at", "updated_at"),
        }
        assert (shown["name"], shown["state"]) == ("Quán chè", "active")
        for _ in range(2):  # a second time changes nothing
            suspended = printed(cli, "tenant", "suspend", tenant["tenant_id"])
            changed = {name: suspended[name] for name in ("version", "updated_at")}
            assert suspended == shown | {"state": "suspended"} | changed
            assert suspended["version"] == 2
        http = client_of(unwarned, tenant["api_key"])
        problem_of(await http.get(ITEMS), 403, "tenant_suspended")
        for _ in range(2):
            resumed = printed(cli, "tenant", "resume", tenant["tenant_id"])
            assert (resumed["state"], resumed["version"]) == ("active", 3)
        assert printed(cli, "tenant", "show", tenant["tenant_id"]) == resumed

    def test_update_changes_what_is_given_and_nothing_else(self, cli: Cli, tenant: dict[str, Any]):
        before = printed(cli, "tenant", "show", tenant["tenant_id"])
        given = ("--name", "Chè Bà Tư", "--time-zone", "UTC", "--settings", '{"bàn": 7}')
        after = printed(cli, "tenant", "update", tenant["tenant_id"], *given)
        changed = {"name": "Chè Bà Tư", "time_zone": "UTC", "settings": {"bàn": 7}, "version": 2}
        assert after == before | changed | {"updated_at": after["updated_at"]}
        merged = printed(cli, "tenant", "update", tenant["tenant_id"], "--settings", '{"ghế": 28}')
        assert merged["settings"] == {"bàn": 7, "ghế": 28}
        assert printed(cli, "tenant", "update", tenant["tenant_id"]) == merged

    @pytest.mark.parametrize(
        ("given", "exit_code"),
        [
            (("--name", " "), 1),
            (("--locale", "tiếng Việt"), 1),
            (("--time-zone", "Hà Nội"), 1),
            (("--settings", "[]"), 2),
            (("--settings", "{"), 2),
        ],
    )
    def test_update_refuses_what_does_not_fit(
        self, cli: Cli, tenant: dict[str, Any], given: tuple[str, str], exit_code: int
    ):
        answer = cli("tenant", "update", tenant["tenant_id"], *given)
        assert (answer.returncode, answer.stdout) == (exit_code, "")
        assert answer.stderr

    def test_print_a_line_for_each_field(self, cli: Cli, tenant: dict[str, Any]):
        answer = cli("tenant", "show", tenant["tenant_id"])
        assert answer.returncode == 0
        lines = dict(line.split(None, 1) for line in answer.stdout.splitlines())
        assert (lines["tenant_id"], lines["state"]) == (tenant["tenant_id"], "active")

    @pytest.mark.parametrize("command", ["show", "suspend", "resume"])
    def test_tell_of_a_business_that_is_not_there(self, cli: Cli, command: str):
        answer = cli("tenant", command, str(uuid4()))
        assert (answer.returncode, answer.stdout) == (1, "")
        assert "not found" in answer.stderr
        assert cli("tenant", command, "x").returncode == 2
        assert cli("tenant", command).returncode == 2


class TestForget:
    async def test_takes_a_name_out_of_the_audit_log(self, cli: Cli, business: Business):
        body, actor = {"sku": "A", "name": "B"}, {"Sokho-Actor": "lan@quan"}
        assert (await business.http.post(ITEMS, json=body, headers=actor)).status_code == 201
        arguments = ("tenant", "forget", str(business.tenant_id), "lan@quan")
        assert cli(*arguments).returncode == 0
        events = (await business.http.get("/v1/audit-events")).json()
        assert {event["on_behalf_of"] for event in events} <= {None}
        answer = cli(*arguments)
        assert answer.returncode == 1
        assert "lan@quan" not in answer.stderr

    def test_knows_nobody_in_a_business_that_is_not_there(self, cli: Cli):
        assert cli("tenant", "forget", str(uuid4()), "lan").returncode == 1
        assert cli("tenant", "forget", str(uuid4())).returncode == 2


class TestKeyCommands:
    @pytest.mark.parametrize("role", Role)
    def test_create_grants_a_role(self, cli: Cli, tenant: dict[str, Any], role: Role):
        owner = ("--tenant", tenant["tenant_id"])
        made = printed(cli, "key", "create", *owner, "--role", role)
        assert made["scopes"] == sorted(role.scopes)
        listed = cli.json("key", "list", *owner)
        assert isinstance(listed, list)
        assert [key["role"] for key in listed if key["key_id"] == made["key_id"]] == [role]
        assert made["api_key"].rpartition("_")[2] not in str(listed)

    def test_create_grants_everything_unless_told(self, cli: Cli, tenant: dict[str, Any]):
        made = printed(cli, "key", "create", "--tenant", tenant["tenant_id"])
        assert made["scopes"] == sorted(Scope)

    def test_create_takes_a_role_or_scopes(self, cli: Cli, tenant: dict[str, Any]):
        owner = ("--tenant", tenant["tenant_id"])
        both = cli("key", "create", *owner, "--role", "viewer", "--scope", "items:read")
        assert (both.returncode, both.stdout) == (1, "")
        assert cli("key", "create", *owner, "--role", "boss").returncode == 2

    async def test_rotate_makes_a_successor(
        self, cli: Cli, unwarned: FastAPI, tenant: dict[str, Any]
    ):
        owner = ("--tenant", tenant["tenant_id"])
        first = printed(cli, "key", "create", *owner, "--role", "viewer")
        second = printed(cli, "key", "rotate", first["key_id"], *owner, "--overlap", "60")
        third = printed(cli, "key", "rotate", second["key_id"], *owner)
        assert first["scopes"] == second["scopes"] == third["scopes"]
        statuses = [
            (await client_of(unwarned, each["api_key"]).get(ITEMS)).status_code
            for each in (first, second, third)
        ]
        assert statuses == [200, 401, 200]

    def test_rotate_tells_why_not(self, cli: Cli, tenant: dict[str, Any]):
        owner = ("--tenant", tenant["tenant_id"])
        made = printed(cli, "key", "create", *owner, "--role", "viewer")
        assert cli("key", "revoke", made["key_id"], *owner).returncode == 0
        withdrawn = cli("key", "rotate", made["key_id"], *owner)
        assert (withdrawn.returncode, withdrawn.stdout) == (1, "")
        assert "revoked" in withdrawn.stderr
        assert cli("key", "rotate", str(uuid4()), *owner).returncode == 1
        for wrong in ("-1", "x", "1.5"):
            assert cli("key", "rotate", made["key_id"], *owner, "--overlap", wrong).returncode == 2

    @pytest.mark.parametrize("overlap", ["604801", "99999999999999", "9" * 40])
    def test_rotate_takes_no_overlap_of_more_than_a_week(
        self, cli: Cli, tenant: dict[str, Any], overlap: str
    ):
        owner = ("--tenant", tenant["tenant_id"])
        made = printed(cli, "key", "create", *owner, "--role", "viewer")
        answer = cli("key", "rotate", made["key_id"], *owner, "--overlap", overlap)
        assert (answer.returncode, answer.stdout) == (2, "")

    async def test_revoke_takes_the_last_managing_key_too(
        self, cli: Cli, business: Business, anonymous: httpx2.AsyncClient
    ):
        """Whoever runs the service can always make another."""
        [first] = (await business.http.get("/v1/api-keys")).json()
        owner = ("--tenant", str(business.tenant_id))
        assert cli("key", "revoke", first["id"], *owner).returncode == 0
        made = printed(cli, "key", "create", *owner, "--role", "owner")
        header = {"Authorization": f"Bearer {made['api_key']}"}
        assert (await anonymous.get("/v1/api-keys", headers=header)).status_code == 200
