"""What every answer forbids a browser, whatever it answers."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.routing import PreparedRoute
from tests.api.documented import DOCUMENTED, Documented
from tests.api.problems import problem_of
from tests.conftest import Business, client_of, close, settings_for

EVERYWHERE = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
HSTS = "strict-transport-security"

router = APIRouter(route_class=PreparedRoute)


@router.get("/broken")
async def broken() -> Response:
    """Meet what nobody foresaw."""
    raise RuntimeError


def assert_protected(answer: httpx2.Response, **others: str) -> None:
    for name, value in {**EVERYWHERE, **others}.items():
        assert answer.headers.get_list(name) == [value], name


@pytest.fixture
async def breakable(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    app = create_app(settings_for(urls))
    app.router.routes.extend(router.routes)
    yield app
    await close(app)


class TestEveryAnswer:
    @pytest.mark.parametrize("operation", DOCUMENTED, ids=repr)
    async def test_of_an_operation_has_them(
        self, anonymous: httpx2.AsyncClient, operation: Documented
    ):
        assert_protected(await anonymous.request(operation.method, operation.path))
        refused = await anonymous.request("TRACE", operation.path)
        problem_of(refused, 405, "method_not_allowed")
        assert operation.method in refused.headers["allow"].split(", ")
        assert_protected(refused)

    async def test_that_succeeds_has_them(self, business: Business):
        created = await business.http.post("/v1/items", json={"sku": "A", "name": "B"})
        known = {"If-None-Match": created.headers["etag"]}
        location = created.headers["location"]
        answers = [
            created,
            await business.http.get(location),
            await business.http.head(location),
            await business.http.get(location, headers=known),
            await business.http.get("/livez"),
            await business.http.get("/readyz"),
            await business.http.get("/openapi.json"),
        ]
        assert [answer.status_code for answer in answers] == [201, 200, 200, 304, 200, 200, 200]
        for answer in answers:
            assert_protected(answer)

    async def test_that_refuses_has_them(self, breakable: FastAPI):
        async with client_of(breakable) as client:
            answers = [
                await client.get("/nowhere"),
                await client.request("TRACE", "/nowhere"),
                await client.put("/v1/items"),
                await client.options("/v1/items"),
                await client.get("/broken"),
            ]
        assert [answer.status_code for answer in answers] == [404, 404, 405, 405, 500]
        for answer in answers:
            assert_protected(answer)


class TestStrictTransportSecurity:
    """RFC 6797, section 7.2: a host must not send it over plain HTTP."""

    async def test_is_told_over_tls_alone(self, breakable: FastAPI):
        for path in ("/livez", "/nowhere", "/broken"):
            async with client_of(breakable) as client:
                assert HSTS not in (await client.get(path)).headers
                answer = await client.get(f"https://sokho.test{path}")
            assert_protected(answer, **{HSTS: "max-age=31536000"})


class TestDocsPage:
    async def test_may_load_what_it_names_and_nothing_else(self, anonymous: httpx2.AsyncClient):
        page = await anonymous.get("/docs")
        policy = page.headers["content-security-policy"]
        assert_protected(page, **{"content-security-policy": policy})
        directives = dict(part.split(" ", 1) for part in policy.split("; "))
        assert directives["default-src"] == directives["frame-ancestors"] == "'none'"
        (script,) = re.findall(rb"<script>(.*?)</script>", page.content, re.DOTALL)
        digest = b64encode(sha256(script).digest()).decode()
        assert f"'sha256-{digest}'" in directives["script-src"].split()
        assert "unsafe" not in directives["script-src"]
        loaded = re.findall(r'(?:src|href)="(.*?)"', page.text)
        allowed = policy.replace(";", "").split()
        assert loaded
        for url in loaded:
            assert any(url.startswith(source) for source in allowed), url

    async def test_can_be_switched_off_and_leaves_the_document(self, urls: DatabaseUrls):
        app = create_app(settings_for(urls, docs=False))
        async with client_of(app) as client:
            problem_of(await client.get("/docs"), 404, "not_found")
            assert (await client.get("/openapi.json")).json()["openapi"] == "3.1.0"
        await close(app)

    async def test_shows_the_document_of_the_service(self, anonymous: httpx2.AsyncClient):
        page = await anonymous.get("/docs")
        assert "url: '/openapi.json'" in page.text
        assert (await anonymous.get("/openapi.json")).json()["info"]["title"] in page.text
