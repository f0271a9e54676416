"""GET and PATCH /v1/tenant: the caller's own business."""

import asyncio
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.clock import utc_now
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from tests.api.problems import faults_of, problem_of
from tests.conftest import Business
from tests.recorded import Recorded

TENANT: Final = "/v1/tenant"
ANY: Final = {"If-Match": "*"}
FIELDS: Final = [
    "id",
    "tenant_id",
    "name",
    "state",
    "locale",
    "time_zone",
    "settings",
    "version",
    "created_at",
    "updated_at",
]


async def patched(http: httpx2.AsyncClient, body: object, **headers: str) -> httpx2.Response:
    return await http.patch(TENANT, json=body, headers=ANY | headers)


class TestGet:
    async def test_shows_every_field_and_the_version(self, business: Business):
        answer = await business.http.get(TENANT)
        assert answer.status_code == 200
        tenant = answer.json()
        assert list(tenant) == FIELDS
        assert tenant["id"] == tenant["tenant_id"] == str(business.tenant_id)
        assert tenant["created_at"] == tenant["updated_at"]
        assert answer.headers["etag"] == '"1"'
        assert {name: tenant[name] for name in FIELDS[2:8]} == {
            "name": "Cửa hàng thử nghiệm",
            "state": "active",
            "locale": "vi-VN",
            "time_zone": "Asia/Ho_Chi_Minh",
            "settings": {},
            "version": 1,
        }

    async def test_is_304_for_who_has_this_version(self, business: Business):
        for known in ('"1"', 'W/"1"', "*", '"0", "1"'):
            answer = await business.http.get(TENANT, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == '"1"'
        await patched(business.http, {"name": "Quán"})
        answer = await business.http.get(TENANT, headers={"If-None-Match": '"1"'})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')

    async def test_shows_nobody_elses(self, business: Business, other: Business):
        for each in (business, other):
            assert (await each.http.get(TENANT)).json()["id"] == str(each.tenant_id)


class TestPatch:
    @pytest.mark.parametrize(
        ("body", "changed"),
        [
            ({"name": " Quán chè "}, {"name": "Quán chè"}),
            ({"locale": "en"}, {"locale": "en"}),
            ({"time_zone": "Asia/Tokyo"}, {"time_zone": "Asia/Tokyo"}),
            ({"settings": {"a": {"b": 1}, "z": None}}, {"settings": {"a": {"b": 1}}}),
        ],
    )
    async def test_changes_one_field_and_no_other(
        self, business: Business, body: object, changed: dict[str, Any]
    ):
        before = (await business.http.get(TENANT)).json()
        answer = await patched(business.http, body)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        after = answer.json()
        assert after.pop("updated_at") > before.pop("updated_at")
        assert after == before | changed | {"version": 2}
        assert (await business.http.get(TENANT)).json() == answer.json()

    async def test_merges_settings_and_empties_them(self, business: Business):
        for patch, settings in (
            ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 2}}),
            ({"a": {"b": None}, "d": [1]}, {"a": {"c": 2}, "d": [1]}),
            (None, {}),
        ):
            answer = await patched(business.http, {"settings": patch})
            assert answer.json()["settings"] == settings

    @pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json"])
    async def test_takes_both_media_types(self, business: Business, media_type: str):
        headers = {"Content-Type": media_type}
        answer = await patched(business.http, {"name": "Quán"}, **headers)
        assert answer.json()["name"] == "Quán"

    @pytest.mark.parametrize("body", [{}, {"name": " Cửa hàng thử nghiệm "}, {"settings": {}}])
    async def test_that_changes_nothing_makes_no_version(
        self, business: Business, app: FastAPI, body: object
    ):
        before = await business.http.get(TENANT)
        log = Recorded(app.state.database, business.tenant_id)
        events = await log.all()
        answer = await patched(business.http, body)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
        assert answer.json() == before.json()
        assert await log.all() == events

    @pytest.mark.parametrize("name", ["id", "tenant_id", "state", "version", "created_at", "x"])
    async def test_refuses_what_is_read_only_or_unknown(self, business: Business, name: str):
        value = (await business.http.get(TENANT)).json().get(name, 1)
        answer = await patched(business.http, {"name": "Quán", name: value})
        assert faults_of(answer) == [("", "unknown_field")]
        assert (await business.http.get(TENANT)).headers["etag"] == '"1"'

    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({"name": ""}, ["/name"]),
            ({"name": None}, ["/name"]),
            ({"locale": "x"}, ["/locale"]),
            ({"locale": None}, ["/locale"]),
            ({"time_zone": "Asia/Hanoi"}, ["/time_zone"]),
            ({"settings": 1}, ["/settings"]),
            ({"settings": {"a": "\0"}}, ["/settings"]),
            ({"settings": {"a": "x" * 16_400}}, ["/settings"]),
            ({"name": "", "locale": "", "time_zone": ""}, ["/name", "/locale", "/time_zone"]),
        ],
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, body: object, pointers: list[str]
    ):
        found = faults_of(await patched(business.http, body))
        assert [pointer for pointer, _ in found] == pointers


class TestIfMatch:
    async def test_is_required(self, business: Business):
        answer = await business.http.patch(TENANT, json={"name": "Quán"})
        problem_of(answer, 428, "precondition_required")

    @pytest.mark.parametrize("stale", ['"2"', '"0"', 'W/"1"', "1", '"x"'])
    async def test_of_another_version_is_refused(self, business: Business, stale: str):
        answer = await patched(business.http, {"name": "Quán"}, **{"If-Match": stale})
        problem_of(answer, 412, "precondition_failed")
        assert (await business.http.get(TENANT)).headers["etag"] == '"1"'

    async def test_lets_one_of_two_change_it(self, business: Business):
        changes = [patched(business.http, {"name": n}, **{"If-Match": '"1"'}) for n in "abcdef"]
        statuses = [answer.status_code for answer in await asyncio.gather(*changes)]
        assert sorted(statuses) == [200, *[412] * 5]

    async def test_for_any_version_lets_everybody_change_it(self, business: Business, app: FastAPI):
        database = app.state.database
        async with database.transaction(business.tenant_id) as transaction:
            repo = PostgresTenantRepo(transaction)
            held = await repo.get(lock=True)
            assert held is not None
            second = asyncio.create_task(patched(business.http, {"locale": "en"}))
            await asyncio.sleep(0.1)
            await repo.update(held.patch(now=utc_now(), name="Quán"))
        answer = await second
        assert answer.status_code == 200
        assert (answer.json()["name"], answer.json()["locale"]) == ("Quán", "en")
        assert answer.json()["version"] == 3
