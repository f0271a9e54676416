"""Lists of items: filters, orders, and the parameters that are refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.problems import CANARY, faults_of
from tests.conftest import Business


async def create(business: Business, **changes: Any) -> dict[str, Any]:
    body = {"sku": changes.get("sku", "A"), "name": "B"} | changes
    answer = await business.http.post("/v1/items", json=body)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


async def listed(business: Business, **query: object) -> list[dict[str, Any]]:
    answer = await business.http.get("/v1/items", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()
    return items


def watermark_of(answer: httpx2.Response) -> datetime:
    return datetime.fromisoformat(answer.headers["sokho-sync-watermark"])


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "fitting", "other"),
        [
            ({"sku": " đinh-5p "}, {"sku": "ĐINH-5P"}, {"sku": "ĐINH-5"}),
            ({"sku": "đinh"}, {"sku": "ĐINH"}, {"sku": "DINH"}),
            (
                {"barcode": "8934563138165"},
                {"barcode": "8934563138165"},
                {"sku": "X", "barcode": "89345631381650000"},
            ),
            ({"status": "archived"}, {"status": "archived"}, {"sku": "X"}),
            ({"status": "active"}, {}, {"sku": "X", "status": "archived"}),
            ({"tag": "Ốc, vít"}, {"tags": ["a", "Ốc, vít"]}, {"sku": "X", "tags": ["ốc, vít"]}),
            (
                {"tag": "x", "status": "active", "barcode": "b1"},
                {"tags": ["x"], "barcode": "b1"},
                {"sku": "X", "tags": ["x"], "barcode": "b2"},
            ),
        ],
    )
    async def test_show_what_fits_exactly(
        self,
        business: Business,
        query: dict[str, str],
        fitting: dict[str, Any],
        other: dict[str, Any],
    ):
        expected = await create(business, **fitting)
        await create(business, **other)
        assert await listed(business, **query) == [expected]

    @pytest.mark.parametrize(
        "query",
        [{"sku": ""}, {"sku": "%"}, {"tag": ""}, {"tag": "' OR 1=1 --"}, {"barcode": "x" * 5_000}],
        ids=lambda query: str(query)[:40],
    )
    async def test_show_nothing_where_nothing_fits(self, business: Business, query: dict[str, str]):
        await create(business)
        assert await listed(business, **query) == []

    async def test_show_what_changed_at_an_instant_or_later(self, business: Business):
        item = await create(business)
        changed = datetime.fromisoformat(item["updated_at"])
        for zone in (UTC, timezone(timedelta(hours=7))):
            since = changed.astimezone(zone).isoformat()
            assert await listed(business, updated_since=since) == [item]
        later = changed + timedelta(microseconds=1)
        assert await listed(business, updated_since=later.isoformat()) == []

    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            ({"status": CANARY}, ("/query/status", "invalid")),
            ({"updated_since": CANARY}, ("/query/updated_since", "invalid")),
            ({"updated_since": "2026-01-01T00:00:00"}, ("/query/updated_since", "invalid")),
            ({"updated_since": "2026-13-01T00:00:00Z"}, ("/query/updated_since", "invalid")),
            ({"sort": "name"}, ("/query/sort", "invalid")),
            ({"sort": "--id"}, ("/query/sort", "invalid")),
            ({"sort": "id,sku"}, ("/query/sort", "invalid")),
            ({"limit": "0"}, ("/query/limit", "out_of_range")),
            ({"limit": "501"}, ("/query/limit", "out_of_range")),
            ({"limit": CANARY}, ("/query/limit", "invalid")),
            ({"limit": ""}, ("/query/limit", "invalid")),
            ({"limit": "1.5"}, ("/query/limit", "invalid")),
            ({"limit": "9" * 30}, ("/query/limit", "out_of_range")),
            ({"offset": "-1"}, ("/query/offset", "out_of_range")),
            ({"offset": "10001"}, ("/query/offset", "out_of_range")),
            ({"q": CANARY}, ("/query", "unknown_field")),
            ({CANARY: "1"}, ("/query", "unknown_field")),
            ({"Limit": "1"}, ("/query", "unknown_field")),
            ({"sku": "a\0"}, ("/query", "invalid_character")),
            ({"cursor": "a\0"}, ("/query", "invalid_character")),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_that_do_not_fit_are_told(
        self, business: Business, value: dict[str, str], fault: tuple[str, str]
    ):
        assert faults_of(await business.http.get("/v1/items", params=value)) == [fault]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=1&limit=2", "repeated_parameter"),
            ("tag=a&tag=a", "repeated_parameter"),
            (f"sku={CANARY}%FF", "invalid"),
            ("sku=%ED%A0%80", "invalid"),
            ("&".join(f"{CANARY}{n}=1" for n in range(51)), "invalid"),
        ],
        ids=lambda value: value[:30],
    )
    async def test_that_cannot_be_read_are_told(self, business: Business, query: str, code: str):
        assert faults_of(await business.http.get(f"/v1/items?{query}")) == [("/query", code)]

    @pytest.mark.parametrize(
        "instant",
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"],
    )
    async def test_at_the_ends_of_time_are_answered_or_told(self, business: Business, instant: str):
        answer = await business.http.get("/v1/items", params={"updated_since": instant})
        if answer.status_code != 200:
            assert faults_of(answer) == [("/query/updated_since", "invalid")]

    async def test_bounds_of_limit_and_offset_fit(self, business: Business):
        item = await create(business)
        assert await listed(business, limit=1) == [item]
        assert await listed(business, limit=500, offset=0) == [item]
        assert await listed(business, offset=10_000) == []


class TestOrder:
    @pytest.mark.parametrize("sort", ["id", "sku", "created_at", "updated_at"])
    async def test_is_the_one_asked_for(self, business: Business, sort: str):
        for sku in ("b", "C", "a", "đ", "É"):
            await create(business, sku=sku)
        items = await listed(business, sort=sort)
        key = (lambda i: i["sku"].casefold()) if sort == "sku" else (lambda i: i[sort])
        assert items == sorted(items, key=key)
        assert await listed(business, sort=f"-{sort}") == items[::-1]

    async def test_is_by_id_unless_told(self, business: Business):
        created = [await create(business, sku=sku) for sku in "cab"]
        assert await listed(business) == created


class TestWatermark:
    async def test_stands_in_every_list_a_minute_back(self, business: Business):
        await create(business)
        for query in ({}, {"limit": 1}, {"tag": "none"}):
            answer = await business.http.get("/v1/items", params=query)
            age = datetime.now(UTC) - watermark_of(answer)
            assert timedelta(seconds=50) < age < timedelta(seconds=90)

    async def test_of_a_scan_is_that_of_its_first_page(self, business: Business, app: FastAPI):
        """What changes behind the reader is then changed since the watermark, on whatever page."""
        for sku in ("a", "b", "c"):
            await create(business, sku=sku)
        answer = await business.http.get("/v1/items", params={"limit": 1})
        first = watermark_of(answer)
        while next_page := answer.links.get("next"):
            app.state.database.clock._told = None  # time goes on
            answer = await business.http.get(next_page["url"])
            assert watermark_of(answer) == first
        assert watermark_of(await business.http.get("/v1/items")) > first

    async def test_sent_back_loses_nothing(self, business: Business):
        watermark = (await business.http.get("/v1/items")).headers["sokho-sync-watermark"]
        item = await create(business)
        assert await listed(business, updated_since=watermark) == [item]
