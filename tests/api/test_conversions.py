"""``/v1/items/{item_id}/conversions``: an item's other units, as exact fractions of its own."""

from typing import Final
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.api.catalogue import an_item_of, shown
from tests.api.problems import CANARY, faults_of, problem_of, without_id
from tests.api.test_items_paging import next_of
from tests.conftest import Business

CASE: Final = {"unit": "thùng", "numerator": 24, "denominator": 1}
MOST: Final = 1_000_000_000


@pytest.fixture
async def url(business: Business) -> str:
    """The address of the conversions of an item that is counted in cans."""
    return f"{await an_item_of(business, unit='lon')}/conversions"


class TestPutConversion:
    async def test_answers_what_is_new_with_its_address(self, business: Business, url: str):
        answer = await business.http.put(f"{url}/thùng", json={"numerator": 24})
        assert (answer.status_code, answer.json()) == (201, CASE)
        assert answer.headers["location"] == f"{url}/{quote('thùng')}"
        assert await shown(business, url) == [CASE]

    async def test_replaces_what_is_there(self, business: Business, url: str):
        await business.http.put(f"{url}/thùng", json={"numerator": 24, "denominator": 5})
        for _ in range(2):
            answer = await business.http.put(f"{url}/thùng", json={"numerator": 24})
            assert (answer.status_code, answer.json()) == (200, CASE)
            assert "location" not in answer.headers
        assert await shown(business, url) == [CASE]

    async def test_keeps_the_fraction_as_it_is_given(self, business: Business, url: str):
        for numerator, denominator in ((10, 30), (1, MOST), (MOST, MOST)):
            body = {"numerator": numerator, "denominator": denominator}
            await business.http.put(f"{url}/kg", json=body)
            assert await shown(business, url) == [{"unit": "kg"} | body]

    async def test_leaves_the_item_at_its_version(self, business: Business, url: str):
        await business.http.put(f"{url}/thùng", json={"numerator": 24})
        assert (await shown(business, url.removesuffix("/conversions")))["version"] == 1

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({}, ("/numerator", "required")),
            ({"numerator": 0}, ("/numerator", "out_of_range")),
            ({"numerator": -1}, ("/numerator", "out_of_range")),
            ({"numerator": MOST + 1}, ("/numerator", "out_of_range")),
            ({"numerator": 2.5}, ("/numerator", "invalid")),
            ({"numerator": "24"}, ("/numerator", "invalid")),
            ({"numerator": True}, ("/numerator", "invalid")),
            ({"numerator": None}, ("/numerator", "invalid")),
            ({"numerator": 1, "denominator": 0}, ("/denominator", "out_of_range")),
            ({"numerator": 1, "denominator": MOST + 1}, ("/denominator", "out_of_range")),
            ({"numerator": 1, "denominator": None}, ("/denominator", "invalid")),
            ({"numerator": 1, "unit": "kg"}, ("", "unknown_field")),
        ],
        ids=str,
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, url: str, body: object, fault: tuple[str, str]
    ):
        assert faults_of(await business.http.put(f"{url}/thùng", json=body)) == [fault]
        assert await shown(business, url) == []

    @pytest.mark.parametrize(
        ("unit", "code"),
        [
            ("lon", "own_unit"),
            ("%20lon", "own_unit"),
            ("vại", "unknown_unit"),
            ("LON", "unknown_unit"),
            ("a" * 33, "too_long"),
            ("%00", "invalid_character"),
        ],
    )
    async def test_refuses_units_that_cannot_be(
        self, business: Business, url: str, unit: str, code: str
    ):
        for language in ("vi", "en"):
            answer = await business.http.put(
                f"{url}/{unit}", json={"numerator": 1}, headers={"Accept-Language": language}
            )
            assert faults_of(answer) == [("/path/unit", code)]
            assert answer.json()["errors"][0]["detail"].isascii() is (language == "en")
        assert await shown(business, url) == []

    async def test_needs_its_item(self, business: Business):
        address = f"/v1/items/{uuid4()}/conversions/thùng"
        answer = await business.http.put(address, json={"numerator": 24})
        problem_of(answer, 404, "item_not_found")


class TestListConversions:
    async def test_is_by_unit_and_in_pages(self, business: Business, url: str):
        for unit in ("thùng", "hộp", "kg", "đôi", "bao"):
            await business.http.put(f"{url}/{unit}", json={"numerator": 2})
        whole = [each["unit"] for each in await shown(business, url)]
        assert whole == ["bao", "hộp", "kg", "thùng", "đôi"]
        for sort, expected in (("unit", whole), ("-unit", whole[::-1])):
            answer = await business.http.get(f"{url}?limit=2&sort={sort}")
            seen = answer.json()
            while (further := next_of(answer)) is not None:
                answer = await business.http.get(further)
                seen += answer.json()
            assert [each["unit"] for each in seen] == expected

    async def test_takes_no_cursor_of_another_item(self, business: Business, url: str):
        for unit in ("thùng", "hộp"):
            await business.http.put(f"{url}/{unit}", json={"numerator": 2})
        further = next_of(await business.http.get(f"{url}?limit=1"))
        assert further is not None
        elsewhere = f"{await an_item_of(business, 'B')}/conversions"
        answer = await business.http.get(further.replace(url, elsewhere))
        problem_of(answer, 400, "invalid_cursor")

    async def test_refuses_what_it_does_not_know(self, business: Business, url: str):
        assert faults_of(await business.http.get(f"{url}?unit=kg")) == [("/query", "unknown_field")]

    async def test_needs_its_item(self, business: Business):
        answer = await business.http.get(f"/v1/items/{uuid4()}/conversions")
        problem_of(answer, 404, "item_not_found")


class TestDeleteConversion:
    async def test_removes_it_once(self, business: Business, url: str):
        for unit in ("thùng", "hộp"):
            await business.http.put(f"{url}/{unit}", json={"numerator": 24})
        answer = await business.http.delete(f"{url}/%20thùng")
        assert (answer.status_code, answer.content) == (204, b"")
        assert [each["unit"] for each in await shown(business, url)] == ["hộp"]
        for language in ("vi", "en"):
            again = await business.http.delete(
                f"{url}/thùng", headers={"Accept-Language": language}
            )
            problem = problem_of(again, 404, "not_found")
            assert problem["title"].isascii() is (language == "en")

    async def test_needs_its_item(self, business: Business):
        answer = await business.http.delete(f"/v1/items/{uuid4()}/conversions/thùng")
        problem_of(answer, 404, "item_not_found")


class TestAnotherTenant:
    async def test_is_answered_as_for_an_unknown_item(
        self, business: Business, other: Business, url: str
    ):
        await business.http.put(f"{url}/thùng", json={"numerator": 24})
        unknown = f"/v1/items/{uuid4()}/conversions"
        for method, unit in (("GET", ""), ("PUT", "/thùng"), ("DELETE", "/thùng"), ("PUT", "/lon")):
            answers = [
                await other.http.request(
                    method, f"{address}{unit}", json={"numerator": 1} if method == "PUT" else None
                )
                for address in (url, unknown)
            ]
            stolen, missing = [problem_of(each, 404, "item_not_found") for each in answers]
            assert without_id(stolen) == without_id(missing)
            assert CANARY not in answers[0].text
        assert await shown(business, url) == [CASE]
