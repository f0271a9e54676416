"""``/v1/locations``: made and listed, and nothing to another business."""

from typing import Any, Final
from uuid import uuid4

import pytest

from tests.api.catalogue import a_location_of, id_of, shown
from tests.api.problems import CANARY, faults_of, problem_of, without_id
from tests.conftest import Business

ANY: Final = {"If-Match": "*"}
LOCATIONS: Final = "/v1/locations"

FIELDS: Final = [
    *("id", "tenant_id", "code", "name", "kind", "parent_id"),
    *("status", "version", "created_at", "updated_at"),
]


async def codes(business: Business, query: str) -> list[str]:
    found: list[dict[str, Any]] = await shown(business, f"{LOCATIONS}?{query}")
    return [each["code"] for each in found]


class TestPostLocation:
    async def test_answers_what_is_stored(self, business: Business):
        parent = await a_location_of(business, "A")
        body = {"code": " kệ-1 ", "name": "Kệ 1", "kind": "bin", "parent_id": id_of(parent)}
        answer = await business.http.post(LOCATIONS, json=body)
        assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
        location = answer.json()
        assert list(location) == FIELDS
        assert answer.headers["location"] == f"{LOCATIONS}/{location['id']}"
        assert location["tenant_id"] == str(business.tenant_id)
        expected = {"status": "active", "version": 1, **body, "code": "kệ-1"}
        assert location.items() >= expected.items()
        assert await shown(business, answer.headers["location"]) == location

    async def test_needs_nothing_but_code_name_and_kind(self, business: Business):
        for kind in ("warehouse", "transit"):
            location = await shown(business, await a_location_of(business, kind, kind=kind))
            assert (location["parent_id"], location["status"]) == (None, "active")

    @pytest.mark.parametrize("again", ["KHO-A", "kho-a", " Kho-A "])
    async def test_refuses_a_code_that_is_taken(self, business: Business, again: str):
        await a_location_of(business, "Kho-A")
        body = {"code": again, "name": "x", "kind": "warehouse"}
        problem_of(await business.http.post(LOCATIONS, json=body), 409, "duplicate_location")

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"code": " "}, ("/code", "too_short")),
            ({"code": "x" * 33}, ("/code", "too_long")),
            ({"name": ""}, ("/name", "too_short")),
            ({"kind": "bin"}, ("/parent_id", "required")),
            ({"parent_id": str(uuid4())}, ("/parent_id", "unknown_location")),
        ],
    )
    async def test_refuses_what_does_not_fit(
        self, business: Business, changes: dict[str, str], fault: tuple[str, str]
    ):
        body = {"code": CANARY, "name": CANARY, "kind": "warehouse"} | changes
        assert faults_of(await business.http.post(LOCATIONS, json=body)) == [fault]

    async def test_refuses_a_parent_of_the_wrong_kind_or_archived(self, business: Business):
        warehouse = await a_location_of(business, "A")
        shelf = await a_location_of(business, "B", warehouse, status="archived")
        for kind, expected in (
            ("warehouse", ["wrong_kind", "archived"]),
            ("transit", ["wrong_kind", "archived"]),
            ("bin", ["archived"]),
        ):
            body = {"code": "C", "name": "x", "kind": kind, "parent_id": id_of(shelf)}
            answer = await business.http.post(LOCATIONS, json=body)
            assert faults_of(answer) == [("/parent_id", code) for code in expected]

    async def test_refuses_an_eleventh_level(self, business: Business):
        url = await a_location_of(business, "0")
        for level in range(1, 10):
            url = await a_location_of(business, str(level), url)
        body = {"code": "10", "name": "x", "kind": "bin", "parent_id": id_of(url)}
        answer = await business.http.post(LOCATIONS, json=body)
        assert faults_of(answer) == [("/parent_id", "too_deep")]

    async def test_is_done_once_for_one_key(self, business: Business):
        body = {"code": "A", "name": "x", "kind": "warehouse"}
        answers = [
            await business.http.post(LOCATIONS, json=body, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].content == answers[1].content


class TestFirstLocation:
    async def test_is_there_when_a_business_opens(self, business: Business):
        [first] = await shown(business, LOCATIONS)
        assert (first["code"], first["name"], first["kind"]) == ("KHO", "Kho chính", "warehouse")
        assert (first["parent_id"], first["status"], first["version"]) == (None, "active", 1)

    async def test_can_be_called_otherwise_and_deleted(self, business: Business):
        [first] = await shown(business, LOCATIONS)
        url = f"{LOCATIONS}/{first['id']}"
        await business.http.patch(url, json={"code": "K1", "name": "Kho Thủ Đức"}, headers=ANY)
        assert await codes(business, "") == ["K1"]
        assert (await business.http.delete(url, headers=ANY)).status_code == 204


class TestListLocations:
    @pytest.fixture
    async def yard(self, business: Business) -> str:
        """A warehouse A with the bins a1 and a2, and the archived warehouse Z."""
        warehouse = await a_location_of(business, "A")
        await a_location_of(business, "a1", warehouse)
        await a_location_of(business, "a2", warehouse)
        await a_location_of(business, "Z", status="archived")
        return id_of(warehouse)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["KHO", "A", "a1", "a2", "Z"]),
            ("code=%20A1", ["a1"]),
            ("code=A", ["A"]),
            ("kind=bin", ["a1", "a2"]),
            ("kind=transit", []),
            ("status=archived", ["Z"]),
            ("kind=warehouse&status=active", ["KHO", "A"]),
            ("sort=-code", ["Z", "KHO", "a2", "a1", "A"]),
            ("sort=-created_at&limit=2", ["Z", "a2"]),
            ("updated_since=2999-01-01T00:00:00Z", []),
        ],
    )
    @pytest.mark.usefixtures("yard")
    async def test_shows_what_fits_in_order(
        self, business: Business, query: str, expected: list[str]
    ):
        assert await codes(business, query) == expected

    async def test_shows_what_lies_in_a_location(self, business: Business, yard: str):
        assert await codes(business, f"parent_id={yard}") == ["a1", "a2"]
        assert await codes(business, f"parent_id={uuid4()}") == []

    @pytest.mark.parametrize("sort", ["id", "-code", "updated_at", "-created_at"])
    @pytest.mark.usefixtures("yard")
    async def test_goes_on_from_page_to_page(self, business: Business, sort: str):
        whole = await codes(business, f"sort={sort}")
        url, seen = f"{LOCATIONS}?limit=2&sort={sort}", list[str]()
        while url:
            answer = await business.http.get(url)
            seen += [each["code"] for each in answer.json()]
            assert "sokho-sync-watermark" in answer.headers
            url = answer.links.get("next", {}).get("url", "")
        assert seen == whole
        assert len(seen) == 5

    @pytest.mark.usefixtures("yard")
    async def test_goes_on_with_the_same_filter_alone(self, business: Business):
        link = (await business.http.get(f"{LOCATIONS}?limit=1")).links["next"]["url"]
        problem_of(await business.http.get(f"{link}&kind=bin"), 400, "invalid_cursor")

    @pytest.mark.parametrize(
        "query", ["kind=shelf", "parent_id=x", "sort=name", "status=", "q=a", "limit=501"]
    )
    async def test_refuses_a_parameter_that_does_not_fit(self, business: Business, query: str):
        problem_of(await business.http.get(f"{LOCATIONS}?{query}"), 422, "validation_failed")


class TestAnotherBusiness:
    async def test_is_answered_as_for_what_does_not_exist(
        self, business: Business, other: Business
    ):
        url = await a_location_of(business, "A")
        before = await shown(business, url)
        body = {"code": "B", "name": "x", "kind": "bin"}
        pairs = [
            (
                await other.http.request(method, path, json=change, headers=ANY)
                for path in (url, f"{LOCATIONS}/{uuid4()}")
            )
            for method, change in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None))
        ]
        pairs.append(
            await other.http.post(LOCATIONS, json=body | {"parent_id": parent})
            for parent in (id_of(url), str(uuid4()))
        )
        for pair in pairs:
            stolen, unknown = [answer async for answer in pair]
            assert without_id(stolen.json()) == without_id(unknown.json())
            assert stolen.status_code == unknown.status_code in {404, 422}
        assert await shown(business, url) == before

    async def test_may_use_the_same_codes(self, business: Business, other: Business):
        await a_location_of(business, "A")
        await a_location_of(other, "A")
        assert await codes(other, "") == ["KHO", "A"]
