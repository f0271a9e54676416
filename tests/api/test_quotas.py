"""Each key has a number of requests a minute: told on every answer, and refused beyond it."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.quotas import Quotas
from sokho.core.infrastructure.http.windows import Windows
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.core.infrastructure.settings import Settings
from tests.api.problems import problem_of
from tests.conftest import (
    OPERATOR_KEY,
    Business,
    a_key_with,
    client_of,
    close,
    settings_for,
)
from tests.fakes.ticks import Ticks

QUOTA: Final = 5
ITEMS: Final = "/v1/items"


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def limited(urls: DatabaseUrls, ticks: Ticks) -> AsyncIterator[FastAPI]:
    """A service whose keys have five requests a minute."""
    app = create_app(settings_for(urls, requests_per_minute=QUOTA))
    app.state.quotas = Quotas(QUOTA, ticks=ticks)
    yield app
    await close(app)


@pytest.fixture
async def http(limited: FastAPI, business: Business) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(limited, business.api_key) as client:
        yield client


def limit_of(answer: httpx2.Response) -> tuple[int, int]:
    """Return what is left, and for how many seconds, of an answer that tells both."""
    assert answer.headers["ratelimit-policy"] == f'"default";q={QUOTA};w=60'
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found is not None, answer.headers["ratelimit"]
    return int(found[1]), int(found[2])


class TestRequests:
    async def test_are_counted_down_and_then_refused(self, http: httpx2.AsyncClient, ticks: Ticks):
        for left in range(QUOTA - 1, -1, -1):
            answer = await http.get(ITEMS)
            assert (answer.status_code, limit_of(answer)) == (200, (left, 60))
        ticks.seconds += 20.5
        for _ in range(2):
            answer = await http.post(ITEMS, json={"sku": "A", "name": "B"})
            problem_of(answer, 429, "rate_limited")
            assert answer.headers["retry-after"] == "40"
            assert limit_of(answer) == (0, 40)
        ticks.seconds += 39.5
        answer = await http.get(ITEMS)
        assert (answer.json(), limit_of(answer)) == ([], (QUOTA - 1, 60))

    async def test_that_are_refused_for_another_reason_are_told_too(
        self, limited: FastAPI, business: Business, derived_keys: DerivedKeys
    ):
        key = await a_key_with(
            limited.state.database, derived_keys, business.tenant_id, Scope.ITEMS_READ
        )
        async with client_of(limited, key) as http:
            problem_of(
                missing := await http.get(f"{ITEMS}/{business.tenant_id}"), 404, "item_not_found"
            )
            problem_of(forbidden := await http.post(ITEMS, json={}), 403, "permission_denied")
            problem_of(invalid := await http.get(f"{ITEMS}?limit=0"), 422, "validation_failed")
            problem_of(admin := await http.get("/v1/admin/tenants"), 403, "permission_denied")
        left = [limit_of(answer)[0] for answer in (missing, forbidden, invalid, admin)]
        assert left == [4, 3, 2, 1]

    async def test_of_another_key_are_counted_apart(
        self,
        http: httpx2.AsyncClient,
        limited: FastAPI,
        business: Business,
        other: Business,
        derived_keys: DerivedKeys,
    ):
        for _ in range(QUOTA + 1):
            answer = await http.get(ITEMS)
        problem_of(answer, 429, "rate_limited")
        second = await a_key_with(
            limited.state.database, derived_keys, business.tenant_id, Scope.ITEMS_READ
        )
        for key in (second, other.api_key):
            async with client_of(limited, key) as apart:
                assert limit_of(await apart.get(ITEMS)) == (QUOTA - 1, 60)

    async def test_without_a_key_of_a_business_are_not_counted(self, limited: FastAPI):
        for key, status in ((None, 401), ("sokho_x", 401), (OPERATOR_KEY, 403)):
            async with client_of(limited, key) as http:
                for _ in range(QUOTA + 1):
                    answer = await http.get(ITEMS)
                    assert answer.status_code == status
                    assert "ratelimit" not in answer.headers

    async def test_are_without_number_where_the_quota_is_zero(self, business: Business):
        for _ in range(3):
            answer = await business.http.get(ITEMS)
            assert answer.status_code == 200
            assert not {"ratelimit", "ratelimit-policy"} & answer.headers.keys()

    def test_have_a_quota_unless_it_is_set(self):
        assert Settings.model_validate({}).requests_per_minute == 30_000


class TestWindows:
    def test_begin_with_the_first_event_and_end_after_a_minute(self):
        ticks = Ticks()
        windows: Windows[str] = Windows(ticks)
        assert windows.count("a") == (1, 60)
        ticks.seconds += 59
        assert windows.count("a") == (2, 1)
        assert windows.count("b") == (1, 60)
        ticks.seconds += 1
        assert windows.count("a") == (1, 60)
        assert windows.count("b") == (2, 59)

    def test_are_bounded_and_the_one_longest_quiet_goes_first(self):
        windows: Windows[int] = Windows(Ticks())
        for key in range(10_000):
            windows.count(key)
        assert windows.count(0) == (2, 60)
        windows.count(-1)
        assert len(windows) == 10_000
        assert windows.count(0) == (3, 60)
        assert windows.count(1) == (1, 60)


class TestDocument:
    async def test_tells_the_headers_of_every_answer_to_a_key(self, anonymous: httpx2.AsyncClient):
        document: dict[str, Any] = (await anonymous.get("/openapi.json")).json()
        told = {True: 0, False: 0}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    is_limited = not path.startswith("/v1/admin") and status != "401"
                    told[is_limited] += 1
                    named = {"RateLimit", "RateLimit-Policy"} & response["headers"].keys()
                    assert len(named) == (2 if is_limited else 0), (path, status)
                assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all(told.values())
