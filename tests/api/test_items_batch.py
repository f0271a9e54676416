"""``POST /v1/items/batch``: rows by SKU, all or none."""

import json
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from tests.api.catalogue import an_item_of, shown
from tests.api.problems import CANARY, faults_of, problem_of
from tests.api.test_items import FULL
from tests.conftest import Business

MIB: Final = 1024 * 1024


async def send(business: Business, *rows: object) -> httpx2.Response:
    return await business.http.post("/v1/items/batch", json={"items": rows})


async def upserted(business: Business, *rows: object) -> dict[str, Any]:
    answer = await send(business, *rows)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    assert result.keys() == {"created", "updated", "ids"}
    assert result["created"] + result["updated"] == len(result["ids"]) == len(rows)
    return result


async def stored(business: Business) -> dict[str, dict[str, Any]]:
    items = await shown(business, "/v1/items?limit=500")
    return {item["sku"]: item for item in items}


class TestBatch:
    async def test_makes_and_changes_and_answers_ids_by_row(self, business: Business):
        url = await an_item_of(business, "B")
        rows = [{"sku": sku, "name": f"mới {sku}"} for sku in ("C", "b", "A")]
        result = await upserted(business, *rows)
        assert (result["created"], result["updated"]) == (2, 1)
        items = await stored(business)
        assert items.keys() == {"A", "b", "C"}
        assert [items[row["sku"]]["id"] for row in rows] == result["ids"]
        assert [items[sku]["version"] for sku in ("A", "b", "C")] == [1, 2, 1]
        assert url.endswith(result["ids"][1])
        assert all(UUID(id).version == 7 for id in result["ids"])

    async def test_keeps_every_field_of_a_new_and_of_a_changed_row(self, business: Business):
        await an_item_of(business, "cũ", tags=["bỏ"], attributes={"bỏ": 1})
        await upserted(business, FULL, FULL | {"sku": "CŨ"})
        items = await stored(business)
        for sku in (FULL["sku"], "CŨ"):
            assert {name: items[sku][name] for name in FULL} == FULL | {"sku": sku}

    async def test_keeps_what_a_row_leaves_out(self, business: Business):
        url = await an_item_of(business, **FULL)
        before = await shown(business, url)
        await upserted(business, {"sku": FULL["sku"].lower(), "name": "mới"})
        after = await shown(business, url)
        own = {"sku": FULL["sku"].lower(), "name": "mới", "version": 2}
        assert after == before | own | {"updated_at": after["updated_at"]}
        assert after["updated_at"] > before["updated_at"]

    async def test_empties_by_null_and_replaces_attributes(self, business: Business):
        url = await an_item_of(business, **FULL)
        row = {"sku": FULL["sku"], "description": None, "barcode": None, "tags": None}
        await upserted(business, row | {"attributes": {"a": None, "b": {}}})
        item = await shown(business, url)
        assert (item["description"], item["barcode"], item["tags"]) == (None, None, [])
        assert item["attributes"] == {"a": None, "b": {}}
        await upserted(business, {"sku": FULL["sku"], "attributes": None})
        assert (await shown(business, url))["attributes"] == {}

    async def test_makes_no_version_of_an_identical_row(self, business: Business):
        full = FULL | {"attributes": FULL["attributes"] | {"lớn": 1e17, "không": -0.0}}
        urls = [await an_item_of(business, **full), await an_item_of(business, "B")]
        before = [await shown(business, url) for url in urls]
        rows = [full, {"sku": "B"}]
        for _ in range(2):
            result = await upserted(business, *rows)
            assert result == {"created": 0, "updated": 2, "ids": [item["id"] for item in before]}
        assert [await shown(business, url) for url in urls] == before

    @pytest.mark.parametrize("sku", ["đinh", " ĐINH ", "Đinh"])
    async def test_finds_an_item_whatever_the_case(self, business: Business, sku: str):
        url = await an_item_of(business, "ĐINH")
        result = await upserted(business, {"sku": sku, "name": "mới"})
        assert url.endswith(result["ids"][0])
        assert (await shown(business, url))["name"] == "mới"

    async def test_indexes_tags(self, business: Business):
        await an_item_of(business, "A", tags=["bỏ", "giữ"])
        await upserted(
            business, {"sku": "A", "tags": ["giữ"]}, {"sku": "B", "name": "B", "tags": ["giữ", "x"]}
        )
        for tag, skus in (("bỏ", []), ("giữ", ["A", "B"]), ("x", ["B"])):
            found = await shown(business, f"/v1/items?tag={tag}&sort=sku")
            assert [item["sku"] for item in found] == skus

    async def test_is_of_one_business_alone(self, business: Business, other: Business):
        url = await an_item_of(business, "A")
        before = await shown(business, url)
        result = await upserted(other, {"sku": "a", "name": "của họ"})
        assert result["created"] == 1
        assert not url.endswith(result["ids"][0])
        assert await shown(business, url) == before


class TestSize:
    async def test_of_a_thousand_rows_fits(self, business: Business):
        rows: list[dict[str, Any]] = [
            {"sku": f"S{n:04}", "name": "x" * 200, "description": "y" * 640, "tags": [f"t{n}"]}
            for n in range(1_000)
        ]
        assert 0.85 * MIB < len(json.dumps({"items": rows}).encode()) < MIB
        first = await upserted(business, *rows)
        assert (first["created"], first["updated"]) == (1_000, 0)
        assert first["ids"] == sorted(first["ids"])
        for row in rows:
            row["name"] = "mới"
        second = await upserted(business, *rows[::-1])
        assert (second["created"], second["updated"]) == (0, 1_000)
        assert second["ids"] == first["ids"][::-1]
        last = await shown(business, f"/v1/items/{first['ids'][-1]}")
        assert (last["sku"], last["name"], last["tags"]) == ("S0999", "mới", ["t999"])

    @pytest.mark.parametrize(("count", "code"), [(0, "too_short"), (1_001, "too_long")])
    async def test_of_none_or_more_is_refused(self, business: Business, count: int, code: str):
        rows = [{"sku": f"S{n}", "name": "x"} for n in range(count)]
        assert faults_of(await send(business, *rows)) == [("/items", code)]
        assert await stored(business) == {}

    async def test_of_more_than_a_mib_is_refused(self, business: Business):
        answer = await send(business, *({"sku": f"S{n}", "name": "x" * 250} for n in range(5_000)))
        problem_of(answer, 413, "body_too_large")


class TestRefusedBatch:
    @pytest.mark.parametrize(
        ("row", "fault"),
        [
            ({"name": "x"}, ("/items/1/sku", "required")),
            ({"sku": "X"}, ("/items/1/name", "required")),
            ({"sku": None, "name": "x"}, ("/items/1/sku", "invalid")),
            ({"sku": " ", "name": "x"}, ("/items/1/sku", "too_short")),
            ({"sku": "X", "name": ""}, ("/items/1/name", "too_short")),
            ({"sku": "X", "name": None}, ("/items/1/name", "invalid")),
            ({"sku": "X", "name": "x", "unit": "vại"}, ("/items/1/unit", "unknown_unit")),
            ({"sku": "X", "name": "x", "tags": ["a", "a", ""]}, ("/items/1/tags/2", "too_short")),
            ({"sku": "X", "name": "x", "tags": ["a", 1]}, ("/items/1/tags/1", "invalid")),
            ({"sku": "X", "name": "x", "barcode": "-"}, ("/items/1/barcode", "invalid")),
            ({"sku": "X", "name": "x", "status": "x"}, ("/items/1/status", "invalid")),
            ({"sku": "X", "name": "x", "id": CANARY}, ("/items/1", "unknown_field")),
            ({"sku": "X", "name": "x", CANARY: 1}, ("/items/1", "unknown_field")),
            ({"sku": "X", "name": "x", "attributes": []}, ("/items/1/attributes", "invalid")),
            ({"sku": "X\0", "name": "x"}, ("/items/1/sku", "invalid_character")),
            ([], ("/items/1", "invalid")),
            (None, ("/items/1", "invalid")),
        ],
        ids=str,
    )
    async def test_names_the_row_and_stores_nothing(
        self, business: Business, row: object, fault: tuple[str, str]
    ):
        url = await an_item_of(business, "OLD")
        good = [{"sku": "NEW", "name": "x"}, {"sku": "old", "name": "mới"}]
        assert faults_of(await send(business, good[0], row, good[1])) == [fault]
        assert (await stored(business)).keys() == {"OLD"}
        assert (await shown(business, url))["version"] == 1

    async def test_names_every_fault_of_every_row(self, business: Business):
        rows = [{"sku": f"S{n}", "name": "ok"} for n in range(6)]
        rows[1]["name"], rows[1]["barcode"], rows[4]["sku"], rows[5]["sku"] = "\n", "-", "s2", ""
        answer = await send(business, *rows)
        assert faults_of(answer) == [
            ("/items/1/name", "too_short"),
            ("/items/1/name", "invalid_character"),
            ("/items/1/barcode", "invalid"),
            ("/items/4/sku", "duplicate_sku_in_batch"),
            ("/items/5/sku", "too_short"),
        ]

    async def test_may_name_a_thousand_rows(self, business: Business):
        rows = [{"sku": f"S{n}", "name": "x", "unit": "vại"} for n in range(1_000)]
        assert faults_of(await send(business, *rows)) == [
            (f"/items/{n}/unit", "unknown_unit") for n in range(1_000)
        ]

    @pytest.mark.parametrize("again", ["a", " A", "A"])
    async def test_names_the_second_row_of_one_sku(self, business: Business, again: str):
        await an_item_of(business, "B")
        rows = [{"sku": sku, "name": CANARY} for sku in ("A", "B", again, "b", "a")]
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = language
            problem = problem_of(await send(business, *rows), 422, "duplicate_sku_in_batch")
            assert problem["title"].isascii() is (language == "en")
            assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
                (f"/items/{n}/sku", "duplicate_sku_in_batch") for n in (2, 3, 4)
            ]
        assert (await stored(business)).keys() == {"B"}

    async def test_names_the_rows_whose_unit_is_in_use(self, business: Business):
        for sku in "ABC":
            url = await an_item_of(business, sku, unit="lon")
            if sku != "B":
                await business.http.put(f"{url}/conversions/thùng", json={"numerator": 24})
        rows = [{"sku": sku, "unit": "chai", "name": CANARY} for sku in "CBA"]
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = language
            problem = problem_of(await send(business, *rows), 409, "unit_in_use")
            assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
                ("/items/0/unit", "unit_in_use"),
                ("/items/2/unit", "unit_in_use"),
            ]
            for each in problem["errors"]:
                assert each["detail"].isascii() is (language == "en")
        assert {item["unit"] for item in (await stored(business)).values()} == {"lon"}

    @pytest.mark.parametrize(
        "body", [{}, {"items": None}, {"items": {}}, [], {"items": [], "x": 1}]
    )
    async def test_needs_its_form(self, business: Business, body: object):
        answer = await business.http.post("/v1/items/batch", json=body)
        assert faults_of(answer)
