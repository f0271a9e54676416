"""API keys: made, shown once, listed, looked at, and withdrawn."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.domain.tokens import KeyToken
from tests.api.keyring import KEYS, a_key_of, bring_to, events_of, held, instant
from tests.api.problems import faults_of, problem_of
from tests.conftest import Business

SHOWN: Final = {
    *("id", "tenant_id", "name", "scopes", "role", "expires_at"),
    *("revoked_at", "replaced_at", "last_used_at", "created_at"),
}


class TestCreateApiKey:
    async def test_answers_the_key_with_its_secret_and_its_address(
        self, app: FastAPI, business: Business
    ):
        body = {"name": " quầy 1 ", "scopes": ["items:write", "items:read", "items:read"]}
        answer = await business.http.post(KEYS, json=body)
        key = held(app, answer)
        assert answer.headers["location"] == key.url
        assert key.shown.keys() == SHOWN
        assert (key.shown["name"], key.shown["role"]) == ("quầy 1", None)
        assert key.shown["scopes"] == ["items:read", "items:write"]
        assert key.shown["tenant_id"] == str(business.tenant_id)
        parsed = KeyToken.parse(key.token)
        assert parsed is not None
        assert (parsed.tenant_id, str(parsed.key_id)) == (business.tenant_id, key.id)
        assert (await business.http.get(key.url)).json() == key.shown

    async def test_makes_one_that_may_do_what_it_was_granted_and_no_more(
        self, app: FastAPI, business: Business
    ):
        key = await a_key_of(app, business, "items:read")
        assert (await key.http.get("/v1/items")).status_code == 200
        answer = await key.http.post("/v1/items", json={"sku": "A", "name": "B"})
        problem_of(answer, 403, "permission_denied")

    @pytest.mark.parametrize("role", Role)
    async def test_grants_what_a_role_stands_for(self, business: Business, role: Role):
        answer = await business.http.post(KEYS, json={"name": "K", "role": role})
        made = answer.json()
        assert (made["role"], made["scopes"]) == (role, sorted(role.scopes))

    @pytest.mark.parametrize(
        ("fields", "pointer", "code"),
        [
            ({}, "/scopes", "too_short"),
            ({"scopes": []}, "/scopes", "too_short"),
            ({"scopes": None, "role": None}, "/scopes", "too_short"),
            ({"scopes": ["items:read"], "role": "viewer"}, "/role", "invalid"),
            ({"scopes": [], "role": "viewer"}, "/role", "invalid"),
            ({"scopes": ["items:own"]}, "/scopes/0", "invalid"),
            ({"scopes": ["items:read", "ITEMS:READ"]}, "/scopes/1", "invalid"),
            ({"scopes": ["*"]}, "/scopes/0", "invalid"),
            ({"scopes": "items:read"}, "/scopes", "invalid"),
            ({"role": "admin"}, "/role", "invalid"),
            ({"role": "Owner"}, "/role", "invalid"),
            ({"role": "owner", "tenant_id": str(UUID(int=1))}, "", "unknown_field"),
            ({"role": "owner", "name": " "}, "/name", "invalid"),
            ({"role": "owner", "name": "a" * 101}, "/name", "invalid"),
            ({"role": "owner", "name": None}, "/name", "invalid"),
        ],
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, fields: dict[str, Any], pointer: str, code: str
    ):
        answer = await business.http.post(KEYS, json={"name": "K"} | fields)
        assert faults_of(answer) == [(pointer, code)]
        assert len((await business.http.get(KEYS)).json()) == 1

    async def test_takes_an_expiry_to_come_and_shows_it_in_utc(
        self, app: FastAPI, business: Business
    ):
        there = instant(hours=1).replace(microsecond=123_456)
        for sent in (there.isoformat(), there.isoformat().replace("+00:00", "Z")):
            key = await a_key_of(app, business, "items:read", expires_at=sent)
            shown = there.isoformat().replace("+00:00", "Z")
            assert key.shown["expires_at"] == shown
            assert (await business.http.get(key.url)).json()["expires_at"] == shown
            assert (await key.http.get("/v1/items")).status_code == 200

    @pytest.mark.parametrize("behind", [timedelta(0), timedelta(seconds=1), timedelta(days=3650)])
    async def test_refuses_an_expiry_that_has_passed(self, business: Business, behind: timedelta):
        then = (datetime.now(UTC) - behind).isoformat()
        body = {"name": "K", "role": "viewer", "expires_at": then}
        assert faults_of(await business.http.post(KEYS, json=body)) == [("/expires_at", "in_past")]

    @pytest.mark.parametrize(
        "expiry",
        ["2999-12-31T12:00:00", "2999-12-31", "", "x", 32_503_593_600, "32503593600", True, []],
    )
    async def test_refuses_an_expiry_that_is_no_instant(self, business: Business, expiry: Any):
        body = {"name": "K", "role": "viewer", "expires_at": expiry}
        assert faults_of(await business.http.post(KEYS, json=body)) == [("/expires_at", "invalid")]

    async def test_refuses_an_expiry_beyond_the_calendar(self, business: Business):
        """In UTC it would be in the year 10000, which PostgreSQL's driver cannot send."""
        body = {"name": "K", "role": "viewer", "expires_at": "9999-12-31T23:59:59-14:00"}
        assert faults_of(await business.http.post(KEYS, json=body)) == [("/expires_at", "invalid")]


class TestSecret:
    async def test_is_shown_once_and_nowhere_else(
        self, app: FastAPI, business: Business, urls: DatabaseUrls
    ):
        key = await a_key_of(app, business, role="owner")
        secret = key.token.rpartition("_")[2]
        rotated = held(app, await business.http.post(f"{key.url}/rotate", json={}))
        secrets = {secret, rotated.token.rpartition("_")[2]}
        hashes = {app.state.pepper.hash(token).hex() for token in (key.token, rotated.token)}
        answers = [await business.http.get(path) for path in (KEYS, key.url, "/v1/audit-events")]
        for answer in answers:
            assert answer.status_code == 200
            whole = f"{answer.headers} {answer.text}".lower()
            assert not any(text.lower() in whole for text in secrets | hashes)
            assert not {"secret_hash", "pepper_id", "pepper"} & {*whole.replace('"', " ").split()}
        admin = await asyncpg.connect(urls.admin)
        for table in ("events", "actors", "tenants", "api_keys"):
            rows = await admin.fetch(
                f"SELECT t::text AS row FROM {table} AS t WHERE strpos(t::text, $1) > 0",
                str(business.tenant_id),
            )
            assert not any(secret in row["row"] for row in rows for secret in secrets)
            if table != "api_keys":
                assert not any(hash_ in row["row"] for row in rows for hash_ in hashes)
        await admin.close()


class TestListApiKeys:
    async def test_shows_every_key_oldest_first_and_a_page_at_a_time(
        self, app: FastAPI, business: Business
    ):
        made = [await a_key_of(app, business, "items:read", name=f"K{n}") for n in range(5)]
        await business.http.delete(made[1].url)
        names = ["khóa đầu tiên", *(f"K{n}" for n in range(5))]
        assert [key["name"] for key in (await business.http.get(KEYS)).json()] == names
        for sort, expected in (("id", names), ("-id", names[::-1])):
            found, url = [], f"{KEYS}?limit=2&sort={sort}"
            while url:
                answer = await business.http.get(url)
                found += [key["name"] for key in answer.json()]
                url = answer.links.get("next", {}).get("url", "")
            assert found == expected

    async def test_shows_nobody_elses(self, app: FastAPI, business: Business, other: Business):
        await a_key_of(app, other, "items:read", name="của người khác")
        assert len((await business.http.get(KEYS)).json()) == 1


class TestAnotherBusiness:
    @pytest.mark.parametrize(("method", "more"), [("GET", ""), ("DELETE", ""), ("POST", "/rotate")])
    async def test_finds_no_key_as_if_there_were_none(
        self, app: FastAPI, business: Business, other: Business, method: str, more: str
    ):
        key = await a_key_of(app, other, role="owner")
        body: dict[str, int] | None = {} if method == "POST" else None
        answers = [
            await business.http.request(method, f"{KEYS}/{id}{more}", json=body)
            for id in (key.id, uuid4())
        ]
        theirs, none = (problem_of(answer, 404, "not_found") for answer in answers)
        same = {"title", "detail", "code", "type", "status"}
        assert {name: theirs[name] for name in same} == {name: none[name] for name in same}
        assert (await other.http.get(key.url)).json()["revoked_at"] is None


class TestRevokeApiKey:
    async def test_withdraws_it_and_keeps_it_in_sight(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        key = await a_key_of(app, business, "items:read")
        answer = await business.http.delete(key.url)
        assert (answer.status_code, answer.content) == (204, b"")
        shown = (await business.http.get(key.url)).json()
        assert shown["revoked_at"] is not None
        assert shown | {"revoked_at": None} == key.shown
        again = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=fresh_app), base_url="http://sokho.test"
        )
        header = {"Authorization": f"Bearer {key.token}"}
        problem_of(await again.get("/v1/items", headers=header), 401, "unauthenticated")

    async def test_changes_nothing_the_second_time(self, app: FastAPI, business: Business):
        key = await a_key_of(app, business, role="owner")
        shown = []
        for _ in range(2):
            assert (await business.http.delete(key.url)).status_code == 204
            shown.append((await business.http.get(key.url)).json())
        assert shown[0] == shown[1]
        assert await events_of(app, business, key.id) == ["api_key.created", "api_key.revoked"]

    async def test_takes_one_that_has_expired(self, app: FastAPI, business: Business):
        key = await a_key_of(app, business, role="owner")
        await bring_to(app, business, key.id, expires_at=instant(days=-1))
        assert (await business.http.delete(key.url)).status_code == 204

    async def test_may_be_of_the_key_that_asks(self, app: FastAPI, business: Business):
        key = await a_key_of(app, business, Scope.KEYS_MANAGE)
        assert (await key.http.delete(key.url)).status_code == 204
