"""``/v1/units``: what a business counts in."""

from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest

from tests.api.catalogue import MERGE_PATCH, an_item_of, shown
from tests.api.problems import CANARY, faults_of, problem_of, without_id
from tests.api.test_items_paging import next_of
from tests.conftest import Business

UNITS: Final = "/v1/units"
CASE: Final = {"code": "két", "name": "két 24 chai", "decimals": 2}


class TestListUnits:
    async def test_begins_with_what_shops_count_in(self, business: Business):
        units = await shown(business, f"{UNITS}?limit=500")
        decimals = {unit["code"]: unit["decimals"] for unit in units}
        assert decimals.keys() >= {"cái", "thùng", "kg", "m²", "lít"}
        assert (decimals["cái"], decimals["kg"]) == (0, 3)
        assert all(unit.keys() == {"code", "name", "decimals"} for unit in units)
        codes = [*decimals]
        assert codes == sorted(codes)
        descending = await shown(business, f"{UNITS}?limit=500&sort=-code")
        assert descending == units[::-1]

    @pytest.mark.parametrize("sort", ["code", "-code"])
    async def test_comes_in_pages(self, business: Business, sort: str):
        whole = await shown(business, f"{UNITS}?limit=500&sort={sort}")
        answer = await business.http.get(f"{UNITS}?limit=10&sort={sort}")
        seen = answer.json()
        while (url := next_of(answer)) is not None:
            answer = await business.http.get(url)
            seen += answer.json()
        assert seen == whole
        assert "sokho-sync-watermark" in answer.headers

    @pytest.mark.parametrize(
        ("query", "fault"),
        [
            ("sort=name", ("/query/sort", "invalid")),
            ("limit=501", ("/query/limit", "out_of_range")),
            ("offset=10001", ("/query/offset", "out_of_range")),
            ("code=kg", ("/query", "unknown_field")),
        ],
    )
    async def test_refuses_what_it_does_not_know(
        self, business: Business, query: str, fault: tuple[str, str]
    ):
        assert faults_of(await business.http.get(f"{UNITS}?{query}")) == [fault]

    async def test_takes_no_cursor_of_another_list(self, business: Business, other: Business):
        url = next_of(await business.http.get(f"{UNITS}?limit=1"))
        assert url is not None
        for http, asked in (
            (other.http, url),
            (business.http, url.replace("sort=code", "sort=-code")),
            (business.http, url.replace("/v1/units?sort=code", "/v1/items?sort=id")),
        ):
            problem_of(await http.get(asked), 400, "invalid_cursor")


class TestCreateUnit:
    async def test_answers_the_unit_with_its_address_and_version(self, business: Business):
        answer = await business.http.post(UNITS, json=CASE | {"code": " két "})
        assert (answer.status_code, answer.json(), answer.headers["etag"]) == (201, CASE, '"1"')
        assert answer.headers["location"] == f"{UNITS}/{quote('két')}"
        again = await business.http.get(answer.headers["location"])
        assert (again.content, again.headers["etag"]) == (answer.content, '"1"')
        await an_item_of(business, unit="két")

    async def test_takes_a_whole_number_however_it_is_written(self, business: Business):
        """To JSON Schema 2.0 is an integer: it knows no other kind of number."""
        answer = await business.http.post(UNITS, json=CASE | {"decimals": 2.0})
        assert (answer.status_code, answer.text.count('"decimals":2}')) == (201, 1)

    @pytest.mark.parametrize("code", ["100%", "a b", "?", "#", "...", "a&b=c", "😀", ";"])
    async def test_is_found_at_the_address_it_names(self, business: Business, code: str):
        answer = await business.http.post(UNITS, json={"code": f"{code}1", "name": "x"})
        assert answer.json()["decimals"] == 0
        assert (await shown(business, answer.headers["location"]))["code"] == f"{code}1"

    @pytest.mark.parametrize("code", ["cái", " kg", "m\u00b2"])
    async def test_refuses_a_code_that_is_there(self, business: Business, code: str):
        for language in ("vi", "en"):
            answer = await business.http.post(
                UNITS, json={"code": code, "name": CANARY}, headers={"Accept-Language": language}
            )
            problem = problem_of(answer, 409, "duplicate_unit")
            assert problem["title"].isascii() is (language == "en")

    async def test_tells_case_apart(self, business: Business):
        assert (
            await business.http.post(UNITS, json={"code": "KG", "name": "x"})
        ).status_code == 201

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"code": " "}, ("/code", "too_short")),
            ({"code": "a" * 33}, ("/code", "too_long")),
            ({"code": "a/b"}, ("/code", "invalid_character")),
            ({"code": ".."}, ("/code", "invalid_character")),
            ({"code": "a\nb"}, ("/code", "invalid_character")),
            ({"code": None}, ("/code", "invalid")),
            ({"code": 1}, ("/code", "invalid")),
            ({"name": ""}, ("/name", "too_short")),
            ({"name": "a" * 65}, ("/name", "too_long")),
            ({"decimals": -1}, ("/decimals", "out_of_range")),
            ({"decimals": 7}, ("/decimals", "out_of_range")),
            ({"decimals": 2.5}, ("/decimals", "invalid")),
            ({"decimals": "2"}, ("/decimals", "invalid")),
            ({"decimals": True}, ("/decimals", "invalid")),
            ({"decimals": None}, ("/decimals", "invalid")),
            ({"version": 1}, ("", "unknown_field")),
        ],
        ids=str,
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, change: dict[str, object], fault: tuple[str, str]
    ):
        assert faults_of(await business.http.post(UNITS, json=CASE | change)) == [fault]

    @pytest.mark.parametrize("name", ["code", "name"])
    async def test_names_what_is_required(self, business: Business, name: str):
        body = {key: value for key, value in CASE.items() if key != name}
        assert faults_of(await business.http.post(UNITS, json=body)) == [(f"/{name}", "required")]


class TestGetUnit:
    @pytest.mark.parametrize("code", ["kg", "m%C2%B2", "%20kg%20", "c%C3%A1i", "ca%CC%81i"])
    async def test_finds_it_by_its_code(self, business: Business, code: str):
        answer = await business.http.get(f"{UNITS}/{code}")
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')

    @pytest.mark.parametrize("code", ["KG", "két", "%25", "a" * 32])
    async def test_does_not_find_another(self, business: Business, code: str):
        for language in ("vi", "en"):
            answer = await business.http.get(
                f"{UNITS}/{code}", headers={"Accept-Language": language}
            )
            problem = problem_of(answer, 404, "not_found")
            assert problem["title"].isascii() is (language == "en")

    @pytest.mark.parametrize(
        ("code", "fault"), [("a" * 33, "too_long"), ("%00", "invalid_character")]
    )
    async def test_refuses_what_is_no_code(self, business: Business, code: str, fault: str):
        assert faults_of(await business.http.get(f"{UNITS}/{code}")) == [("/path/code", fault)]


async def patch(business: Business, body: Any, **headers: str) -> httpx2.Response:
    return await business.http.patch(f"{UNITS}/kg", json=body, headers=headers)


class TestPatchUnit:
    @pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}, {"If-Match": '"1"'}], ids=str)
    async def test_answers_the_next_version(self, business: Business, headers: dict[str, str]):
        answer = await patch(business, {"name": "ký", "decimals": 1}, **headers)
        expected = {"code": "kg", "name": "ký", "decimals": 1}
        assert (answer.status_code, answer.json()) == (200, expected)
        again = await business.http.get(f"{UNITS}/kg")
        assert (again.json(), again.headers["etag"]) == (expected, answer.headers["etag"])
        assert again.headers["etag"] == '"2"'

    @pytest.mark.parametrize("body", [{}, {"decimals": 3}, {"name": "kilôgam"}], ids=str)
    async def test_of_nothing_keeps_the_version(self, business: Business, body: object):
        answer = await patch(business, body)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')

    @pytest.mark.parametrize("if_match", ['"2"', 'W/"1"', "1", ""])
    async def test_refuses_a_version_that_is_not_there(self, business: Business, if_match: str):
        answer = await patch(business, {"name": "ký"}, **{"If-Match": if_match})
        problem_of(answer, 412, "precondition_failed")

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({"code": "kg"}, ("", "unknown_field")),
            ({"name": None}, ("/name", "invalid")),
            ({"name": " "}, ("/name", "too_short")),
            ({"decimals": None}, ("/decimals", "invalid")),
            ({"decimals": 7}, ("/decimals", "out_of_range")),
            ({"decimals": 1.5}, ("/decimals", "invalid")),
        ],
        ids=str,
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, body: object, fault: tuple[str, str]
    ):
        assert faults_of(await patch(business, body)) == [fault]

    async def test_takes_merge_patch_and_nothing_but_json(self, business: Business):
        for media_type, status in ((MERGE_PATCH, 200), ("text/plain", 415)):
            answer = await business.http.patch(
                f"{UNITS}/kg", content=b'{"name":"x"}', headers={"Content-Type": media_type}
            )
            assert answer.status_code == status


class TestAnotherTenant:
    async def test_neither_sees_nor_changes_nor_misses_it(
        self, business: Business, other: Business
    ):
        await business.http.post(UNITS, json=CASE)
        await patch(business, {"name": CANARY})
        url = f"{UNITS}/két"
        for method in ("GET", "PATCH"):
            stolen, unknown = [
                problem_of(await other.http.request(method, path, json={}), 404, "not_found")
                for path in (url, f"{UNITS}/vại")
            ]
            assert without_id(stolen) == without_id(unknown)
        assert CANARY not in (await other.http.get(f"{UNITS}?limit=500")).text
        answer = await other.http.post("/v1/items", json={"sku": "A", "name": "A", "unit": "két"})
        assert faults_of(answer) == [("/unit", "unknown_unit")]
        assert (await other.http.post(UNITS, json=CASE)).status_code == 201
