"""Many at once on the same items: each change is made whole, once, or refused."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from typing import Any, Final

import httpx2
import pytest

from tests.api.catalogue import an_item_of
from tests.api.problems import problem_of
from tests.conftest import Business

ANY: Final = {"If-Match": "*"}
FIRST: Final = {"If-Match": '"1"'}


async def together(*calls: Awaitable[httpx2.Response]) -> list[httpx2.Response]:
    return await asyncio.gather(*calls)


def statuses(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def items_of(business: Business) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await business.http.get("/v1/items?limit=500")).json()
    return items


class TestPatches:
    async def test_of_one_version_are_won_by_one(self, business: Business):
        url = await an_item_of(business)
        answers = await together(
            *(
                business.http.patch(url, json={"attributes": {str(n): n}}, headers=FIRST)
                for n in range(50)
            )
        )
        assert statuses(answers) == {200: 1, 412: 49}
        [won] = [answer.json() for answer in answers if answer.status_code == 200]
        assert won["version"] == 2
        assert (await business.http.get(url)).json() == won
        for answer in answers:
            if answer.status_code == 412:
                problem_of(answer, 412, "precondition_failed")

    async def test_of_any_version_all_count(self, business: Business):
        url = await an_item_of(business)
        answers = await together(
            *(
                business.http.patch(url, json={"attributes": {str(n): n}}, headers=ANY)
                for n in range(50)
            )
        )
        assert statuses(answers) == {200: 50}
        assert {answer.json()["version"] for answer in answers} == {*range(2, 52)}
        item = (await business.http.get(url)).json()
        assert item["version"] == 51
        assert item["attributes"] == {str(n): n for n in range(50)}

    async def test_to_one_sku_are_won_by_one(self, business: Business):
        urls = [await an_item_of(business, f"S{n}") for n in range(10)]
        answers = await together(
            *(
                business.http.patch(url, json={"sku": sku}, headers=FIRST)
                for url, sku in zip(urls, ["same", "SAME"] * 5, strict=True)
            )
        )
        assert statuses(answers) == {200: 1, 409: 9}

    async def test_of_a_unit_all_count(self, business: Business):
        answers = await together(
            *(
                business.http.patch(
                    "/v1/units/kg", json={"name": f"ký {n}{[*headers]}"}, headers=headers
                )
                for n in range(20)
                for headers in ({}, ANY)
            )
        )
        assert statuses(answers) == {200: 40}
        assert (await business.http.get("/v1/units/kg")).headers["etag"] == '"41"'


class TestCreates:
    async def test_of_one_sku_are_won_by_one(self, business: Business):
        answers = await together(
            *(
                business.http.post("/v1/items", json={"sku": sku, "name": str(n), "tags": ["x"]})
                for n, sku in enumerate(["đinh-a", "ĐINH-A", "Đinh-A", " đinh-A "] * 10)
            )
        )
        assert statuses(answers) == {201: 1, 409: 39}
        [won] = [answer.json() for answer in answers if answer.status_code == 201]
        assert await items_of(business) == [won]


class TestBatches:
    async def test_that_overlap_in_opposite_orders_all_count(self, business: Business):
        skus = [f"s{n:02}" for n in range(20)]
        orders = [skus, skus[::-1], skus[5:], skus[:-5], skus[::-2], skus[::3], skus[3:17]]
        rows = [
            [{"sku": sku, "name": f"lượt {turn}", "attributes": {"n": turn}} for sku in order]
            for turn, order in enumerate(orders * 2)
        ]
        answers = await together(
            *(business.http.post("/v1/items/batch", json={"items": each}) for each in rows)
        )
        assert statuses(answers) == {200: len(rows)}, [answer.text for answer in answers]
        assert sum(answer.json()["created"] for answer in answers) == len(skus)
        found = {item["sku"]: item for item in await items_of(business)}
        assert found.keys() == {*skus}
        for answer, each in zip(answers, rows, strict=True):
            assert answer.json()["ids"] == [found[row["sku"]]["id"] for row in each]
        for sku, item in found.items():
            assert item["version"] == sum(sku in (row["sku"] for row in each) for each in rows)

    async def test_and_creates_make_each_sku_once(self, business: Business):
        skus = [f"s{n:02}" for n in range(15)]
        batch = [{"sku": sku, "name": "lô"} for sku in skus]
        answers = await together(
            *(business.http.post("/v1/items", json={"sku": s.upper(), "name": "lẻ"}) for s in skus),
            business.http.post("/v1/items/batch", json={"items": batch}),
            business.http.post("/v1/items/batch", json={"items": batch[::-1]}),
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        assert statuses(answers)[200] == 2
        assert len(await items_of(business)) == len(skus)


class TestUnitOfAnItem:
    async def test_becomes_another_or_gets_a_conversion_and_never_both(self, business: Business):
        chance = random.Random(7)  # which call is sent first, the same in every run
        won = Counter[str]()
        for turn in range(20):
            url = await an_item_of(business, f"A{turn}", unit="lon")
            calls = [
                business.http.patch(url, json={"unit": "thùng"}, headers=ANY),
                business.http.put(f"{url}/conversions/thùng", json={"numerator": 24}),
            ]
            chance.shuffle(calls)
            await together(*calls)
            unit = (await business.http.get(url)).json()["unit"]
            conversions = (await business.http.get(f"{url}/conversions")).json()
            assert (unit, len(conversions)) in {("thùng", 0), ("lon", 1)}
            won[unit] += 1
        assert len(won) == 2, "one side always won: this was no race"


class TestDelete:
    async def test_and_a_patch_of_one_version_are_won_by_one(self, business: Business):
        for turn in range(10):
            url = await an_item_of(business, f"A{turn}")
            calls = [
                business.http.delete(url, headers=FIRST),
                business.http.patch(url, json={"name": "C"}, headers=FIRST),
            ]
            answers = await together(*(calls if turn % 2 else calls[::-1]))
            gone, patched = answers if turn % 2 else answers[::-1]
            outcome = (gone.status_code, patched.status_code)
            assert outcome in {(204, 404), (412, 200)}
            left = await business.http.get(url)
            assert left.status_code == (404 if outcome == (204, 404) else 200)

    async def test_of_any_version_comes_through_whatever_happens_meanwhile(
        self, business: Business
    ):
        url = await an_item_of(business)
        gone, *patched = await together(
            business.http.delete(url, headers=ANY),
            *(business.http.patch(url, json={"name": str(n)}, headers=ANY) for n in range(10)),
        )
        assert gone.status_code == 204
        assert {answer.status_code for answer in patched} <= {200, 404}
        assert await items_of(business) == []

    @pytest.mark.parametrize("headers", [FIRST, ANY], ids=["one version", "any version"])
    async def test_is_done_once(self, business: Business, headers: dict[str, str]):
        url = await an_item_of(business)
        answers = await together(*(business.http.delete(url, headers=headers) for _ in range(10)))
        assert statuses(answers) == {204: 1, 404: 9}
