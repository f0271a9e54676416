"""``PATCH /v1/items/{item_id}``: a merge patch of the version that was seen."""

from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest

from tests.api.catalogue import MERGE_PATCH, an_item_of, shown
from tests.api.problems import CANARY, faults_of, problem_of, without_id
from tests.api.test_items import FULL
from tests.conftest import Business

CHANGES: Final[dict[str, Any]] = {
    "sku": "ỐC-8",
    "name": "Ốc 8",
    "description": "mới",
    "unit": "tấn",
    "barcode": "ABC",
    "status": "active",
    "tags": ["ốc", "a,b"],
    "attributes": {"dài": 51},
}
READ_ONLY: Final = ["id", "tenant_id", "version", "created_at", "updated_at"]
STALE: Final = ['"2"', 'W/"1"', '"0"', '"x"', "1", "", '"1', '"2", W/"1"', '"01"']
ANY: Final = {"If-Match": "*"}


async def patch(
    business: Business, url: str, body: Any, if_match: str | None = "*"
) -> httpx2.Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return await business.http.patch(url, json=body, headers=headers)


class TestPatchItem:
    @pytest.mark.parametrize("if_match", ['"1"', "*", '"7", "1"', ' "1"', 'W/"1", "1"'])
    async def test_answers_the_next_version(self, business: Business, if_match: str):
        url = await an_item_of(business)
        before = await shown(business, url)
        answer = await patch(business, url, {"name": "C"}, if_match)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        item = answer.json()
        assert item["updated_at"] > before["updated_at"]
        expected = before | {"name": "C", "version": 2, "updated_at": item["updated_at"]}
        assert item == expected == await shown(business, url)

    @pytest.mark.parametrize("name", CHANGES)
    async def test_changes_one_field_and_leaves_the_others(self, business: Business, name: str):
        url = await an_item_of(business, **FULL)
        before = await shown(business, url)
        answer = await patch(business, url, {name: CHANGES[name]})
        assert answer.status_code == 200, answer.text
        value = CHANGES[name]
        if name == "attributes":
            value = FULL["attributes"] | value
        item = answer.json()
        expected = before | {name: value, "version": 2, "updated_at": item["updated_at"]}
        assert item == expected == await shown(business, url)

    def test_every_field_is_tried_here(self):
        assert CHANGES.keys() == FULL.keys()

    @pytest.mark.parametrize(
        ("name", "empty"),
        [("description", None), ("barcode", None), ("tags", []), ("attributes", {})],
    )
    async def test_empties_by_null_what_may_be_empty(
        self, business: Business, name: str, empty: object
    ):
        url = await an_item_of(business, **FULL)
        answer = await patch(business, url, {name: None})
        assert (answer.status_code, answer.json()[name]) == (200, empty)

    @pytest.mark.parametrize("name", ["sku", "name", "unit", "status"])
    async def test_refuses_null_for_what_every_item_has(self, business: Business, name: str):
        url = await an_item_of(business)
        assert faults_of(await patch(business, url, {name: None})) == [(f"/{name}", "invalid")]

    @pytest.mark.parametrize("name", [*READ_ONLY, "SKU", CANARY])
    async def test_refuses_fields_that_are_read_only_or_unknown(
        self, business: Business, name: str
    ):
        url = await an_item_of(business)
        for body in ({name: 1}, {name: None}, {name: CANARY, "name": "C"}):
            assert faults_of(await patch(business, url, body)) == [("", "unknown_field")]
        assert (await shown(business, url))["version"] == 1

    @pytest.mark.parametrize(
        "body",
        [{}, {"name": "A"}, {"sku": " A "}, {"tags": ["x"]}, {"attributes": {"b": None}},
         {"attributes": {"a": 1e17}}, {"description": None}],
        ids=str,
    )  # fmt: skip
    async def test_of_nothing_keeps_the_version(self, business: Business, body: object):
        url = await an_item_of(business, tags=["x"], attributes={"a": 1e17})
        before = await shown(business, url)
        for if_match in ('"1"', "*"):
            answer = await patch(business, url, body, if_match)
            assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
            assert answer.json() == before == await shown(business, url)

    async def test_merges_attributes(self, business: Business):
        url = await an_item_of(business, attributes={"a": {"b": 1, "c": [1, 2]}, "d": 1})
        body = {"attributes": {"a": {"b": None, "c": [3], "x": {"y": None}}, "d": {"e": 1.0}}}
        answer = await patch(business, url, body)
        assert answer.json()["attributes"] == {"a": {"c": [3], "x": {}}, "d": {"e": 1.0}}
        assert '"e":1.0' in answer.text

    async def test_names_each_field_at_fault(self, business: Business):
        url = await an_item_of(business)
        body = {"sku": " ", "name": "\n", "barcode": "8934563138160", "tags": ["a", "a", ""]}
        assert faults_of(await patch(business, url, body)) == [
            ("/sku", "too_short"),
            ("/name", "too_short"),
            ("/name", "invalid_character"),
            ("/barcode", "invalid_check_digit"),
            ("/tags/2", "too_short"),
        ]

    @pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", '[{"name":"C"}]'])
    async def test_takes_an_object_alone(self, business: Business, body: str):
        url = await an_item_of(business)
        headers = ANY | {"Content-Type": MERGE_PATCH}
        answer = await business.http.patch(url, content=body.encode(), headers=headers)
        assert faults_of(answer) == [("", "invalid")]


class TestPatchedSku:
    async def test_of_another_item_is_refused_ignoring_case(self, business: Business):
        await an_item_of(business, "ĐINH")
        url = await an_item_of(business)
        answer = await patch(business, url, {"sku": " đinh ", "name": CANARY})
        problem_of(answer, 409, "duplicate_sku")
        assert (await shown(business, url))["version"] == 1

    async def test_may_be_its_own_in_another_case(self, business: Business):
        url = await an_item_of(business, "đinh")
        answer = await patch(business, url, {"sku": "ĐINH"})
        assert (answer.json()["sku"], answer.json()["version"]) == ("ĐINH", 2)

    async def test_leaves_the_old_one_free(self, business: Business):
        url = await an_item_of(business, "A")
        await patch(business, url, {"sku": "B"})
        await an_item_of(business, "a")


class TestPatchedUnit:
    async def test_must_be_one_of_the_business(self, business: Business):
        url = await an_item_of(business)
        assert faults_of(await patch(business, url, {"unit": "vại"})) == [("/unit", "unknown_unit")]
        await business.http.post("/v1/units", json={"code": "vại", "name": "vại"})
        assert (await patch(business, url, {"unit": " vại "})).json()["unit"] == "vại"

    async def test_stays_once_there_are_conversions(self, business: Business):
        url = await an_item_of(business, unit="lon")
        await business.http.put(f"{url}/conversions/thùng", json={"numerator": 24})
        answer = await patch(business, url, {"unit": "chai", "name": "C"})
        assert "errors" not in problem_of(answer, 409, "unit_in_use")
        assert (await shown(business, url))["version"] == 1
        assert (await patch(business, url, {"unit": "lon", "name": "C"})).status_code == 200


class TestPrecondition:
    async def test_is_required(self, business: Business):
        url = await an_item_of(business)
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = language
            problem = problem_of(
                await patch(business, url, {"name": "C"}, None), 428, "precondition_required"
            )
            assert "If-Match" in problem["title"]
            assert problem["title"].isascii() is (language == "en")

    @pytest.mark.parametrize("if_match", STALE)
    async def test_must_name_the_present_version(self, business: Business, if_match: str):
        url = await an_item_of(business)
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = language
            for body in ({"name": "C"}, {}):
                answer = await patch(business, url, body, if_match)
                problem = problem_of(answer, 412, "precondition_failed")
                assert problem["title"].isascii() is (language == "en")
        assert (await shown(business, url))["version"] == 1

    async def test_of_a_version_that_has_passed_is_stale(self, business: Business):
        url = await an_item_of(business)
        await patch(business, url, {"name": "C"}, '"1"')
        problem_of(await patch(business, url, {"name": "D"}, '"1"'), 412, "precondition_failed")
        assert (await patch(business, url, {"name": "D"}, '"2"')).headers["etag"] == '"3"'

    async def test_of_an_item_that_is_not_there_is_not_found(self, business: Business):
        for if_match in ("*", '"1"'):
            answer = await patch(business, f"/v1/items/{uuid4()}", {"name": "C"}, if_match)
            problem_of(answer, 404, "item_not_found")


class TestMediaType:
    @pytest.mark.parametrize(
        "media_type",
        [MERGE_PATCH, "application/json", f"{MERGE_PATCH}; charset=utf-8", MERGE_PATCH.upper()],
    )
    async def test_may_be_merge_patch_or_json(self, business: Business, media_type: str):
        url = await an_item_of(business)
        answer = await business.http.patch(
            url, content=b'{"name":"C"}', headers=ANY | {"Content-Type": media_type}
        )
        assert (answer.status_code, answer.json()["name"]) == (200, "C")

    @pytest.mark.parametrize(
        "media_type", ["application/json-patch+json", "text/plain", "application/merge-patch", ""]
    )
    async def test_may_be_no_other(self, business: Business, media_type: str):
        url = await an_item_of(business)
        answer = await business.http.patch(
            url, content=b'{"name":"C"}', headers=ANY | {"Content-Type": media_type}
        )
        problem_of(answer, 415, "unsupported_media_type")

    @pytest.mark.parametrize("path", ["/v1/items", "/v1/items/batch", "/v1/units"])
    async def test_of_a_merge_patch_is_for_a_patch_alone(self, business: Business, path: str):
        answer = await business.http.post(
            path, content=b"{}", headers={"Content-Type": MERGE_PATCH}
        )
        problem_of(answer, 415, "unsupported_media_type")


class TestAnotherTenant:
    async def test_is_answered_as_for_an_unknown_id(self, business: Business, other: Business):
        url = await an_item_of(business, name=CANARY)
        for if_match in ("*", '"1"', '"2"'):
            stolen, unknown = [
                problem_of(await patch(other, path, {"name": "C"}, if_match), 404, "item_not_found")
                for path in (url, f"/v1/items/{uuid4()}")
            ]
            assert without_id(stolen) == without_id(unknown)
        assert (await shown(business, url))["version"] == 1
