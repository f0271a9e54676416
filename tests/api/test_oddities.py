"""Requests that no client of good will sends, and that must not find a gap."""

import httpx2
import pytest

from tests.api.problems import faults_of, problem_of
from tests.conftest import Business


class TestPath:
    @pytest.mark.parametrize("path", ["/v1/items%0A", "/v1/items/", "//v1/items", "/v1/items%0D"])
    async def test_that_is_almost_one_of_ours_is_not_found(self, business: Business, path: str):
        for method in ("GET", "POST"):
            answer = await business.http.request(method, path, json={"sku": "A", "name": "A"})
            problem_of(answer, 404, "not_found")


class TestAuthorization:
    async def test_given_twice_is_refused_whoever_is_meant(
        self, business: Business, other: Business, anonymous: httpx2.AsyncClient
    ):
        keys = [("Authorization", f"Bearer {each.api_key}") for each in (business, other)]
        for headers in (keys, keys[::-1]):
            answer = await anonymous.get("/v1/items", headers=headers)
            problem_of(answer, 401, "unauthenticated")

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
    async def test_scheme_is_known_in_any_case(
        self, business: Business, anonymous: httpx2.AsyncClient, scheme: str
    ):
        answer = await anonymous.get(
            "/v1/items", headers={"Authorization": f"{scheme} {business.api_key}"}
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic eDp5", "sokho_x", "Bearer x"]
    )
    async def test_of_another_form_is_refused(self, anonymous: httpx2.AsyncClient, header: str):
        answer = await anonymous.get("/v1/items", headers={"Authorization": header})
        problem_of(answer, 401, "unauthenticated")


class TestQuery:
    @pytest.mark.parametrize("value", ["1_0", " 1", "+1", "1.0", "٣", "", "1e2"])
    async def test_numbers_are_written_in_digits(self, business: Business, value: str):
        answer = await business.http.get("/v1/items", params={"limit": value})
        assert faults_of(answer) == [("/query/limit", "invalid")]

    @pytest.mark.parametrize("value", ["0", "-1", "1704067200", "1704067200.5"])
    async def test_instants_are_not_numbers(self, business: Business, value: str):
        answer = await business.http.get("/v1/items", params={"updated_since": value})
        assert faults_of(answer) == [("/query/updated_since", "invalid")]


class TestTags:
    async def test_fault_is_shown_where_the_client_put_it(self, business: Business):
        body = {"sku": "A", "name": "A", "tags": ["a", "a", ""]}
        answer = await business.http.post("/v1/items", json=body)
        assert faults_of(answer) == [("/tags/2", "too_short")]
