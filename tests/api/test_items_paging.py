"""Pages of items: the `Link` header walked to its end, and cursors that are not its own."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.api.problems import CANARY, faults_of, problem_of
from tests.conftest import Business

SORTS = [
    f"{sign}{name}" for name in ("id", "sku", "created_at", "updated_at") for sign in ("", "-")
]
SKUS = ["b", "A&=", "đ#", "É/?", "a-1", "10%", "+ ơ"]
TAG = "x&y=z ớt#"
FILTERS: list[dict[str, str]] = [
    {},
    {"tag": TAG},
    {"status": "active"},
    {"updated_since": "2020-01-01T07:00:00+07:00"},
    {"tag": TAG, "status": "active", "updated_since": "2020-01-01T00:00:00Z"},
]


@pytest.fixture
async def stocked(business: Business) -> Business:
    """A business with seven items, all of which fit every one of `FILTERS`."""
    for sku in SKUS:
        body = {"sku": sku, "name": "B", "tags": [TAG]}
        assert (await business.http.post("/v1/items", json=body)).status_code == 201
    return business


def next_of(answer: httpx2.Response) -> str | None:
    """Return the address of the next page, as a client reads it (RFC 8288)."""
    if "link" not in answer.headers:
        return None
    link = re.fullmatch(r'<([^<>\s"]+)>; rel="next"', answer.headers["link"])
    assert link is not None, answer.headers["link"]
    return link[1]


def cursor_of(answer: httpx2.Response) -> str:
    url = next_of(answer)
    assert url is not None
    return httpx2.QueryParams(url.partition("?")[2])["cursor"]


async def pages(http: httpx2.AsyncClient, query: dict[str, Any]) -> AsyncIterator[list[str]]:
    """Yield the ids of each page, following each link as it is given."""
    answer = await http.get("/v1/items", params=query)
    for _ in range(100):
        assert answer.status_code == 200, answer.text
        yield [item["id"] for item in answer.json()]
        url = next_of(answer)
        if url is None:
            return
        answer = await http.get(url)
    raise AssertionError("the walk does not end")


async def first_page(business: Business, **query: str) -> httpx2.Response:
    answer = await business.http.get("/v1/items", params={"limit": "2"} | query)
    assert answer.status_code == 200
    return answer


class TestWalk:
    @pytest.mark.parametrize("sort", SORTS)
    async def test_shows_each_item_once_in_every_order_and_filter(
        self, stocked: Business, sort: str
    ):
        whole = await stocked.http.get("/v1/items", params={"sort": sort})
        expected = [item["id"] for item in whole.json()]
        assert len(expected) == 7
        for filters in FILTERS:
            walk = [
                page async for page in pages(stocked.http, filters | {"sort": sort, "limit": 3})
            ]
            assert [len(page) for page in walk] == [3, 3, 1]
            assert [id for page in walk for id in page] == expected

    @pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 7), (6, [6, 1]), (7, [7]), (8, [7])])
    async def test_ends_with_the_last_item(self, stocked: Business, limit: int, sizes: list[int]):
        walk = [page async for page in pages(stocked.http, {"limit": limit})]
        assert [len(page) for page in walk] == sizes

    async def test_may_begin_with_an_offset(self, stocked: Business):
        whole = [page async for page in pages(stocked.http, {})]
        walk = [page async for page in pages(stocked.http, {"limit": 2, "offset": 3})]
        assert walk == [whole[0][3:5], whole[0][5:7]]

    async def test_misses_and_repeats_nothing_that_was_there_throughout(self, stocked: Business):
        seen: list[str] = []
        there = await anext(pages(stocked.http, {}))
        async for page in pages(stocked.http, {"sort": "-sku", "limit": 2}):
            seen += page
            for sku in ("0", "zz", "m"):  # before, behind and amid what is still to come
                body = {"sku": f"{sku}{len(seen)}", "name": "B"}
                await stocked.http.post("/v1/items", json=body)
        assert [id for id in seen if id in there] == sorted(there, key=seen.index)
        assert len(seen) == len(set(seen))

    async def test_may_change_its_step(self, stocked: Business):
        cursor = cursor_of(await first_page(stocked))
        answer = await stocked.http.get("/v1/items", params={"cursor": cursor, "limit": 500})
        assert len(answer.json()) == 5

    async def test_of_nothing_has_no_next(self, business: Business):
        assert [page async for page in pages(business.http, {})] == [[]]


class TestCursor:
    async def refused(self, business: Business, **query: str) -> None:
        answer = await business.http.get("/v1/items", params=query)
        problem_of(answer, 400, "invalid_cursor")

    async def test_of_another_tenant_is_refused(self, stocked: Business, other: Business):
        await self.refused(other, cursor=cursor_of(await first_page(stocked)))

    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ({}, {"tag": TAG}),
            ({"tag": TAG}, {}),
            ({"tag": TAG}, {"tag": TAG + "x"}),
            ({}, {"sort": "-id"}),
            ({"sort": "sku"}, {"sort": "-sku"}),
            ({"sort": "created_at"}, {"sort": "updated_at"}),
            ({"sort": "sku"}, {}),
            ({"status": "active"}, {"status": "archived"}),
            (
                {"updated_since": "2020-01-01T00:00:00Z"},
                {"updated_since": "2020-01-01T00:00:01Z"},
            ),
        ],
    )
    async def test_of_another_filter_or_order_is_refused(
        self, stocked: Business, given: dict[str, str], taken: dict[str, str]
    ):
        cursor = cursor_of(await first_page(stocked, **given))
        await self.refused(stocked, cursor=cursor, **taken)

    async def test_tampered_with_is_refused(self, stocked: Business):
        cursor = cursor_of(await first_page(stocked, sort="sku"))
        for place in range(len(cursor)):
            other = "A" if cursor[place] != "A" else "B"
            tampered = cursor[:place] + other + cursor[place + 1 :]
            await self.refused(stocked, cursor=tampered, sort="sku")

    @pytest.mark.parametrize("cursor", ["", " ", CANARY, "Đ", "=", "a" * 1024, "a" * 1025])
    async def test_made_up_is_refused(self, business: Business, cursor: str):
        await self.refused(business, cursor=cursor)

    async def test_and_an_offset_exclude_each_other(self, stocked: Business):
        cursor = cursor_of(await first_page(stocked))
        answer = await stocked.http.get("/v1/items", params={"cursor": cursor, "offset": 1})
        assert faults_of(answer) == [("/query", "invalid")]

    async def test_does_not_show_what_it_holds(self, stocked: Business):
        answer = await stocked.http.get("/v1/items", params={"limit": 1})
        cursor = cursor_of(answer)
        assert answer.json()[0]["id"].replace("-", "") not in cursor
        assert str(stocked.tenant_id) not in cursor
