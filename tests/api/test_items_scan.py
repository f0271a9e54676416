"""A scan by cursor, while others insert, change and delete: what stays is seen once."""

import asyncio
from collections import Counter
from itertools import count
from typing import Any

import pytest

from tests.api.test_items_paging import SORTS, next_of
from tests.conftest import Business

ANY = {"If-Match": "*"}


async def upsert(business: Business, *skus: str) -> list[str]:
    rows = [{"sku": sku, "name": sku} for sku in skus]
    answer = await business.http.post("/v1/items/batch", json={"items": rows})
    assert answer.status_code == 200, answer.text
    ids: list[str] = answer.json()["ids"]
    return ids


async def a_stock(business: Business) -> tuple[list[str], list[str]]:
    """Make items that stay and, before, amid and behind them, items that do not."""
    staying: list[str] = []
    others: list[str] = []
    for part in range(3):
        staying += await upsert(business, *(f"{part}{n:02}-stays" for n in range(12)))
        others += await upsert(business, *(f"{part}{n:02}-goes" for n in range(12)))
    return staying, others


def missed_or_repeated(seen: list[str], staying: list[str]) -> set[str]:
    times = Counter(seen)
    return {id for id in staying if times[id] != 1}


class Crowd:
    """Others at work: each `step` inserts, changes and deletes, all over the order."""

    def __init__(self, business: Business, others: list[str]) -> None:
        self._http = business.http
        self._others = others
        self._numbers = count()

    async def step(self) -> None:
        number = next(self._numbers)
        places = [f"{prefix}-{number}" for prefix in ("!", f"1{number % 12:02}-", "~")]
        bodies: list[dict[str, Any]] = [{"sku": sku, "name": sku} for sku in places]
        made = [await self._http.post("/v1/items", json=body) for body in bodies]
        urls = [answer.headers["location"] for answer in made]
        if len(self._others) > 2:
            gone, renamed, touched = (f"/v1/items/{self._others.pop(0)}" for _ in range(3))
            await self._http.delete(gone, headers=ANY)
            await self._http.patch(renamed, json={"sku": f"~{number}-back"}, headers=ANY)
            await self._http.patch(touched, json={"name": "mới"}, headers=ANY)
        await self._http.delete(urls[number % 3], headers=ANY)

    async def work(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self.step()


class TestScan:
    @pytest.mark.parametrize("sort", SORTS)
    async def test_misses_and_repeats_nothing_that_stays(self, business: Business, sort: str):
        staying, others = await a_stock(business)
        over = asyncio.Event()
        crowd = Crowd(business, others)
        at_work = asyncio.create_task(crowd.work(over))
        seen: list[str] = []
        url: str | None = f"/v1/items?sort={sort}&limit=9"
        while url is not None:
            answer = await business.http.get(url)
            assert answer.status_code == 200, answer.text
            seen += [item["id"] for item in answer.json()]
            assert len(seen) < 1_000, "the scan does not end"
            if len(seen) <= 90:
                await crowd.step()
            else:  # where what is new stands at the end, the reader would never reach it
                over.set()
            url = next_of(answer)
        over.set()
        await at_work
        assert missed_or_repeated(seen, staying) == set()
        assert len(staying) == 36

    async def test_by_offset_would(self, business: Business):
        """The control: the checker finds what numbered pages miss and repeat."""
        ids = await upsert(business, *"ABCDEF")

        async def page(offset: int) -> list[str]:
            answer = await business.http.get(f"/v1/items?sort=sku&limit=2&offset={offset}")
            return [item["id"] for item in answer.json()]

        seen = await page(0)
        await upsert(business, "0")  # before the reader: all move back
        seen += await page(2)
        for id in ids[:2]:  # and all move up, by more
            await business.http.delete(f"/v1/items/{id}", headers=ANY)
        seen += await page(4)
        assert missed_or_repeated(seen, ids[2:]) == {ids[3], ids[4]}
        assert missed_or_repeated([*seen, ids[2]], ids[2:3]) == {ids[2]}
        assert missed_or_repeated(ids, ids) == set()
