"""CORS: closed unless origins are named, and then on every answer, refusals among them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.problems import problem_of
from tests.api.test_security_headers import assert_protected, router
from tests.conftest import Business, client_of, close, settings_for

SHOP = "https://shop.example"
ELSEWHERE = "https://canary7Q.example"


async def ask(client: httpx2.AsyncClient, origin: str, **others: str) -> httpx2.Response:
    """Ask as a browser does before a page's call."""
    asked = {"method": "PATCH", "headers": "authorization, if-match", **others}
    headers = {f"Access-Control-Request-{name}": value for name, value in asked.items()}
    return await client.options("/v1/items", headers={"Origin": origin, **headers})


def cross_origin_headers(answer: httpx2.Response) -> dict[str, str]:
    found = {name: value for name, value in answer.headers.items() if "access-control" in name}
    return {name.removeprefix("access-control-"): value for name, value in found.items()}


@pytest.fixture
async def shop_app(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    app = create_app(settings_for(urls, cors_origins=f"{SHOP}, http://localhost:5173"))
    app.router.routes.extend(router.routes)
    yield app
    await close(app)


@pytest.fixture
async def shop(shop_app: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(shop_app, business.api_key) as client:
        yield client


class TestClosed:
    async def test_tells_pages_of_other_origins_nothing(self, business: Business):
        business.http.headers["Origin"] = SHOP
        answers = [
            await business.http.get("/v1/items"),
            await business.http.get("/nowhere"),
            await ask(business.http, SHOP),
        ]
        assert [answer.status_code for answer in answers] == [200, 404, 405]
        for answer in answers:
            assert cross_origin_headers(answer) == {}
            assert "vary" not in answer.headers


class TestPreflight:
    async def test_from_a_named_origin_tells_what_a_page_may_send(self, shop: httpx2.AsyncClient):
        answer = await ask(shop, SHOP)
        assert answer.status_code == 200
        told = cross_origin_headers(answer)
        assert told.pop("allow-headers").split(", ") == [
            *("Accept", "Accept-Language", "Authorization", "Content-Language", "Content-Type"),
            *("Idempotency-Key", "If-Match", "If-None-Match", "Sokho-Actor"),
            *("traceparent", "tracestate"),
        ]
        assert told == {
            "allow-origin": SHOP,
            "allow-methods": "DELETE, GET, HEAD, PATCH, POST, PUT",
            "max-age": "600",
        }
        assert_protected(answer)

    @pytest.mark.parametrize(
        ("origin", "asked"),
        [
            (ELSEWHERE, {}),
            ("null", {}),
            (f"{SHOP}.canary7Q.example", {}),
            ("http://shop.example", {}),
            (SHOP, {"method": "TRACE"}),
            (SHOP, {"method": "CANARY7Q"}),
            (SHOP, {"headers": "x-canary7Q"}),
            (SHOP, {"private-network": "true"}),
        ],
    )
    async def test_that_is_refused_is_a_problem(
        self, shop: httpx2.AsyncClient, origin: str, asked: dict[str, str]
    ):
        for language in ("vi", "en"):
            shop.headers["Accept-Language"] = language
            answer = await ask(shop, origin, **asked)
            problem = problem_of(answer, 403, "cross_origin_refused")
            assert problem["title"].isascii() is (language == "en")
            assert cross_origin_headers(answer) == {}
            assert_protected(answer)


class TestCall:
    async def answers(self, client: httpx2.AsyncClient, **headers: str) -> list[httpx2.Response]:
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", "/v1/items", {}),
            ("GET", "/v1/items", {"Authorization": "Bearer x"}),
            ("GET", "/nowhere", {}),
            ("PUT", "/v1/items", {}),
            ("GET", "/broken", {}),
        ]
        return [
            await client.request(method, path, headers={**headers, **others})
            for method, path, others in calls
        ]

    async def test_from_a_named_origin_may_be_read_also_when_refused(
        self, shop: httpx2.AsyncClient
    ):
        answers = await self.answers(shop, Origin=SHOP)
        assert [answer.status_code for answer in answers] == [200, 401, 404, 405, 500]
        for answer in answers:
            told = cross_origin_headers(answer)
            assert told.pop("expose-headers").split(", ") == [
                *("ETag", "Idempotent-Replayed", "Link", "Location", "RateLimit"),
                *("RateLimit-Policy", "Retry-After", "Sokho-Sync-Watermark", "X-Request-Id"),
            ]
            assert told == {"allow-origin": SHOP}
            assert answer.headers["vary"] == "Origin"
            assert_protected(answer)

    async def test_from_another_origin_may_not_be_read(self, shop: httpx2.AsyncClient):
        for answer in await self.answers(shop, Origin=ELSEWHERE):
            assert "allow-origin" not in cross_origin_headers(answer)
            assert answer.headers["vary"] == "Origin"

    async def test_without_an_origin_is_answered_as_ever(self, shop: httpx2.AsyncClient):
        for answer in await self.answers(shop):
            assert cross_origin_headers(answer) == {}
            assert answer.headers["vary"] == "Origin"  # for whoever keeps answers nevertheless

    async def test_may_come_from_anywhere_if_that_is_set(
        self, urls: DatabaseUrls, business: Business
    ):
        app = create_app(settings_for(urls, cors_origins="*"))
        async with client_of(app, business.api_key) as client:
            answer = await client.get("/v1/items", headers={"Origin": ELSEWHERE})
            asked = await ask(client, "https://anywhere.example")
        await close(app)
        for each in (answer, asked):
            assert each.status_code == 200
            assert each.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in each.headers
