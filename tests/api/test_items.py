"""``/v1/items`` over HTTP: what it takes and what it answers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.problems import CANARY, faults_of, problem_of, without_id
from tests.conftest import Business

FULL: dict[str, Any] = {
    "sku": "ĐINH-5P",
    "name": "Đinh 5 phân “mạ kẽm”",
    "description": "dòng một\ndòng hai",
    "unit": "kg",
    "barcode": "8934563138165",
    "status": "archived",
    "tags": ["đinh", "a,b", '"\\{}'],
    "attributes": {
        "dài": 50,
        "nặng": 1.25,
        "": None,
        "sâu": [{"a": [True, "😀\u2028"]}],
        "bé": -(2**63),
        "lớn": 2**63 - 1,
        "gần không": -0.5e-7,
    },
}


def anew(item: dict[str, Any]) -> dict[str, Any]:
    """Return what makes another item like the one that was read."""
    return {"sku": "another", "name": item["name"], "attributes": item["attributes"]}


class TestCreateItem:
    async def test_answers_the_item_with_its_address_and_version(self, business: Business):
        answer = await business.http.post(
            "/v1/items", json={"sku": " ĐINH-5P ", "name": "Đinh 5 phân", "tags": ["đinh"]}
        )
        assert answer.status_code == 201
        item = answer.json()
        assert item["sku"] == "ĐINH-5P"
        assert answer.headers["location"] == f"/v1/items/{item['id']}"
        assert answer.headers["etag"] == '"1"'
        again = await business.http.get(answer.headers["location"])
        assert again.json() == item

    async def test_fills_in_what_is_left_out(self, business: Business):
        answer = await business.http.post("/v1/items", json={"sku": "A", "name": "B"})
        item = answer.json()
        id, created, updated = (item.pop(name) for name in ("id", "created_at", "updated_at"))
        assert item == {
            "tenant_id": str(business.tenant_id),
            "sku": "A",
            "name": "B",
            "description": None,
            "unit": "cái",
            "barcode": None,
            "status": "active",
            "tags": [],
            "attributes": {},
            "version": 1,
        }
        assert UUID(id).version == 7
        assert created == updated
        assert created.endswith("Z")
        age = datetime.now(UTC) - datetime.fromisoformat(created)
        assert abs(age) < timedelta(minutes=5)

    async def test_keeps_every_field(self, business: Business):
        answer = await business.http.post("/v1/items", json=FULL)
        assert answer.status_code == 201
        for shown in (answer.json(), (await business.http.get(answer.headers["location"])).json()):
            assert {name: shown[name] for name in FULL} == FULL

    @pytest.mark.parametrize("number", [0.1, -0.5e-7, 1e16 + 2.0, 1e18, 2**63 - 1, -(2**63)])
    async def test_answers_numbers_that_can_be_sent_again(self, business: Business, number: float):
        body = {"sku": "A", "name": "B", "attributes": {"k": number}}
        first = await business.http.post("/v1/items", json=body)
        assert first.json()["attributes"] == {"k": number}
        again = await business.http.post("/v1/items", json=anew(first.json()))
        assert again.json()["attributes"] == {"k": number}

    @pytest.mark.parametrize("number", [1e19, -1e30, 1.5e300, 5e-324])
    async def test_refuses_extreme_numbers_or_answers_them_so_that_they_can_be_sent_again(
        self, business: Business, number: float
    ):
        """PostgreSQL writes 1e19 as an integer, and that is out of range when it comes back."""
        body = {"sku": "A", "name": "B", "attributes": {"k": [number] * 1_000}}
        first = await business.http.post("/v1/items", json=body)
        if first.status_code == 422:
            assert faults_of(first) == [("/attributes", "out_of_range")]
            return
        again = await business.http.post("/v1/items", json=anew(first.json()))
        assert again.status_code == 201, again.text
        assert again.json()["attributes"] == first.json()["attributes"]

    @pytest.mark.parametrize("again", ["a-1đ", " A-1Đ ", "A-1đ"])
    async def test_refuses_a_duplicate_sku_ignoring_case(self, business: Business, again: str):
        await business.http.post("/v1/items", json={"sku": "a-1đ", "name": "B"})
        answer = await business.http.post("/v1/items", json={"sku": again, "name": CANARY})
        assert again.strip() not in answer.text
        problem_of(answer, 409, "duplicate_sku")

    async def test_goes_on_after_a_refused_duplicate(self, business: Business):
        for _ in range(20):  # more than there are connections
            await business.http.post("/v1/items", json={"sku": "A", "name": "B"})
        answer = await business.http.post("/v1/items", json={"sku": "B", "name": "B"})
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "media_type",
        ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;charset=UTF-8"],
    )
    async def test_takes_json_however_it_is_announced(self, business: Business, media_type: str):
        answer = await business.http.post(
            "/v1/items", content='{"sku":"A","name":"B"}', headers={"Content-Type": media_type}
        )
        assert answer.status_code == 201


class TestGetItem:
    async def test_answers_the_item_with_its_version(self, business: Business):
        created = await business.http.post("/v1/items", json=FULL)
        answer = await business.http.get(created.headers["location"])
        assert answer.status_code == 200
        assert answer.headers["etag"] == '"1"'
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == created.content

    async def test_does_not_find_an_unknown_id(self, business: Business):
        problem_of(await business.http.get(f"/v1/items/{uuid4()}"), 404, "item_not_found")


class TestAnotherTenant:
    async def test_is_answered_as_for_an_unknown_id(self, business: Business, other: Business):
        created = await business.http.post("/v1/items", json=FULL | {"name": CANARY})
        stolen = problem_of(
            await other.http.get(created.headers["location"]), 404, "item_not_found"
        )
        unknown = problem_of(await other.http.get(f"/v1/items/{uuid4()}"), 404, "item_not_found")
        assert without_id(stolen) == without_id(unknown)

    async def test_may_use_the_same_sku(self, business: Business, other: Business):
        for http in (business.http, other.http):
            assert (await http.post("/v1/items", json=FULL)).status_code == 201

    async def test_finds_nothing_of_it_in_any_list(self, business: Business, other: Business):
        await business.http.post("/v1/items", json=FULL | {"name": CANARY})
        for query in (
            {},
            {"sku": FULL["sku"]},
            {"barcode": FULL["barcode"]},
            {"tag": "đinh"},
            {"status": "archived"},
            {"updated_since": "2000-01-01T00:00:00Z"},
        ):
            ours = await business.http.get("/v1/items", params=query)
            assert len(ours.json()) == 1, query
            theirs = await other.http.get("/v1/items", params=query)
            assert (theirs.status_code, theirs.content) == (200, b"[]")
            assert "link" not in theirs.headers
