"""``/v1/admin/tenants``: the operator opens, lists, suspends and resumes businesses."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.domain.tokens import KeyToken
from sokho.modules.units.domain.defaults import default_units
from tests.api.problems import faults_of, problem_of
from tests.conftest import Business, client_of, close, settings_for
from tests.recorded import Recorded

TENANTS: Final = "/v1/admin/tenants"


async def opened(operator: httpx2.AsyncClient, **fields: object) -> httpx2.Response:
    answer = await operator.post(TENANTS, json={"name": "Quán mới", **fields})
    assert answer.status_code == 201, answer.text
    return answer


class TestOpen:
    async def test_shows_the_business_and_its_first_key(self, operator: httpx2.AsyncClient):
        answer = await opened(operator, name=" Quán ", locale="en", time_zone="Asia/Tokyo")
        tenant = answer.json()
        assert answer.headers["location"] == f"{TENANTS}/{tenant['id']}"
        assert answer.headers["etag"] == '"1"'
        token = KeyToken.parse(tenant.pop("api_key"))
        assert token is not None
        assert str(token.tenant_id) == tenant["id"] == tenant["tenant_id"]
        assert (tenant["name"], tenant["locale"], tenant["time_zone"], tenant["state"]) == (
            "Quán",
            "en",
            "Asia/Tokyo",
            "active",
        )
        shown = await operator.get(answer.headers["location"])
        assert (shown.status_code, shown.json()) == (200, tenant)

    async def test_gives_it_a_key_of_all_scopes_that_works(
        self, operator: httpx2.AsyncClient, fresh_app: FastAPI
    ):
        answer = await opened(operator)
        async with client_of(fresh_app, answer.json()["api_key"]) as http:
            assert (await http.get("/v1/tenant")).json()["id"] == answer.json()["id"]
            [key] = (await http.get("/v1/api-keys")).json()
            assert sorted(key["scopes"]) == sorted(Scope)
            made = await http.post("/v1/items", json={"sku": "A", "name": "B"})
            assert made.status_code == 201

    async def test_gives_it_a_warehouse(self, operator: httpx2.AsyncClient, fresh_app: FastAPI):
        opened = await operator.post(TENANTS, json={"name": "Quán"})
        async with client_of(fresh_app, opened.json()["api_key"]) as http:
            [location] = (await http.get("/v1/locations")).json()
        assert (location["code"], location["kind"]) == ("KHO", "warehouse")

    async def test_gives_it_the_usual_units(self, operator: httpx2.AsyncClient, fresh_app: FastAPI):
        answer = await opened(operator)
        async with client_of(fresh_app, answer.json()["api_key"]) as http:
            units = {unit["code"] for unit in (await http.get("/v1/units?limit=500")).json()}
        assert units == {unit.code for unit in default_units(UUID(int=1))}

    async def test_shows_the_key_this_once(self, operator: httpx2.AsyncClient, fresh_app: FastAPI):
        answer = await opened(operator)
        key = answer.json()["api_key"]
        async with client_of(fresh_app, key) as http:
            for response in (
                await operator.get(answer.headers["location"]),
                await operator.get(f"{TENANTS}?sort=-id&limit=500"),
                await http.get("/v1/api-keys"),
                await http.get("/v1/tenant"),
                await http.get("/v1/audit-events"),
            ):
                assert response.status_code == 200
                assert key[-49:-6] not in response.text

    async def test_two_of_the_same_name_are_two(self, operator: httpx2.AsyncClient):
        ids = {(await opened(operator, name="Một")).json()["id"] for _ in range(2)}
        assert len(ids) == 2

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/name"),
            ({"name": " "}, "/name"),
            ({"name": "a" * 256}, "/name"),
            ({"name": "x", "locale": "vi_VN"}, "/locale"),
            ({"name": "x", "time_zone": "Hanoi"}, "/time_zone"),
            ({"name": "x", "id": str(UUID(int=1))}, ""),
            ({"name": "x", "state": "suspended"}, ""),
            ({"name": "x", "settings": {}}, ""),
        ],
    )
    async def test_refuses_what_does_not_fit(
        self, operator: httpx2.AsyncClient, body: object, pointer: str
    ):
        answer = await operator.post(TENANTS, json=body)
        assert [found for found, _ in faults_of(answer)] == [pointer]


class TestGet:
    async def test_of_nobody_is_not_found(self, operator: httpx2.AsyncClient):
        for path in ("", "/suspend", "/resume"):
            method = "POST" if path else "GET"
            answer = await operator.request(method, f"{TENANTS}/{uuid4()}{path}")
            problem_of(answer, 404, "not_found")
            answer = await operator.request(method, f"{TENANTS}/x{path}")
            problem_of(answer, 422, "validation_failed")


class TestList:
    @pytest.mark.parametrize("sort", ["id", "-id"])
    async def test_shows_each_once_page_by_page(self, operator: httpx2.AsyncClient, sort: str):
        made = [(await opened(operator, name=f"Quán {n}")).json() for n in range(5)]
        url, seen = f"{TENANTS}?sort={sort}&limit=500", list[Any]()
        while url:
            answer = await operator.get(url)
            seen += answer.json()
            url = answer.links.get("next", {}).get("url", "")
        ids = [tenant["id"] for tenant in seen]
        assert ids == sorted(ids, reverse=sort == "-id")
        assert len(set(ids)) == len(ids)
        ours = {tenant["id"]: tenant for tenant in seen}
        for tenant in made:
            names = ("id", "tenant_id", "name", "state", "created_at")
            assert ours[tenant["id"]] == {name: tenant[name] for name in names}

    async def test_goes_on_from_a_cursor_and_skips_an_offset(self, operator: httpx2.AsyncClient):
        made = [(await opened(operator)).json()["id"] for _ in range(3)]
        newest = f"{TENANTS}?sort=-id&limit=2"
        first = await operator.get(newest)
        second = await operator.get(first.links["next"]["url"])
        assert len({tenant["id"] for tenant in first.json() + second.json()}) == 4
        skipped = await operator.get(f"{TENANTS}?sort=-id&limit=2&offset=1")
        assert len(skipped.json()) == 2
        assert made

    @pytest.mark.parametrize("query", ["?q=x", "?state=active", "?sort=name", "?limit=501"])
    async def test_refuses_other_parameters(self, operator: httpx2.AsyncClient, query: str):
        problem_of(await operator.get(f"{TENANTS}{query}"), 422, "validation_failed")

    async def test_refuses_the_cursor_of_a_business(
        self, operator: httpx2.AsyncClient, business: Business
    ):
        link = (await business.http.get("/v1/units?limit=1")).links["next"]["url"]
        cursor = link.partition("cursor=")[2]
        answer = await operator.get(f"{TENANTS}?limit=1&cursor={cursor}")
        problem_of(answer, 400, "invalid_cursor")


@pytest.fixture
async def elsewhere(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    """A service that remembers nobody, as another worker some seconds later would not."""
    app = create_app(settings_for(urls))
    yield app
    await close(app)


class TestSuspendAndResume:
    async def test_happen_once_each_and_are_told(
        self, operator: httpx2.AsyncClient, business: Business, fresh_app: FastAPI
    ):
        log = Recorded(fresh_app.state.database, business.tenant_id)
        await log.new()
        url = f"{TENANTS}/{business.tenant_id}"
        for verb, state, version, event in (
            ("suspend", "suspended", 2, ["tenant.suspended"]),
            ("suspend", "suspended", 2, []),
            ("resume", "active", 3, ["tenant.resumed"]),
            ("resume", "active", 3, []),
        ):
            answer = await operator.post(f"{url}/{verb}")
            assert answer.status_code == 200
            assert answer.headers["etag"] == f'"{version}"'
            assert (answer.json()["state"], answer.json()["version"]) == (state, version)
            assert (await operator.get(url)).json() == answer.json()
            assert [row["type"] for row in await log.new()] == event

    async def test_close_and_open_the_door_to_the_business(
        self,
        operator: httpx2.AsyncClient,
        business: Business,
        elsewhere: FastAPI,
        fresh_app: FastAPI,
    ):
        url = f"{TENANTS}/{business.tenant_id}"
        await operator.post(f"{url}/suspend")
        async with client_of(elsewhere, business.api_key) as http:
            for method, path in (
                ("GET", "/v1/items"),
                ("GET", "/v1/tenant"),
                ("POST", "/v1/items"),
            ):
                problem_of(await http.request(method, path), 403, "tenant_suspended")
        await operator.post(f"{url}/resume")
        async with client_of(fresh_app, business.api_key) as http:
            assert (await http.get("/v1/items")).status_code == 200

    async def test_tell_nobody_without_the_right_secret(
        self, operator: httpx2.AsyncClient, business: Business, elsewhere: FastAPI
    ):
        await operator.post(f"{TENANTS}/{business.tenant_id}/suspend")
        token = KeyToken.parse(business.api_key)
        assert token is not None
        for forged in (
            KeyToken.make(token.tenant_id, token.key_id, bytes(32)).text,
            KeyToken.make(token.tenant_id, uuid4(), bytes(32)).text,
            KeyToken.make(uuid4(), token.key_id, bytes(32)).text,
            business.api_key[:-1],
        ):
            async with client_of(elsewhere, forged) as http:
                problem_of(await http.get("/v1/items"), 401, "unauthenticated")

    async def test_of_one_leave_others_alone(
        self, operator: httpx2.AsyncClient, business: Business, other: Business, elsewhere: FastAPI
    ):
        await operator.post(f"{TENANTS}/{business.tenant_id}/suspend")
        async with client_of(elsewhere, other.api_key) as http:
            assert (await http.get("/v1/tenant")).json()["state"] == "active"
