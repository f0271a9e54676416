"""GET answers 304 to whoever has the version already; HEAD answers GET's headers."""

from collections.abc import Mapping
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.catalogue import an_item_of
from tests.api.problems import CANARY
from tests.conftest import Business, client_of

KNOWN: Final = ['"1"', 'W/"1"', '"7", "1"', "*", ' "1" ']
UNKNOWN: Final = ['"2"', 'W/"2"', "1", "", CANARY, '"x"', '"01"', 'w/"1"']


async def urls_of(business: Business) -> list[str]:
    """One of each resource that has a version, all of them at their first."""
    [location] = (await business.http.get("/v1/locations")).json()
    place = f"/v1/locations/{location['id']}"
    return [await an_item_of(business, "Đinh"), "/v1/units/kg", place]


class TestIfNoneMatch:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("header", KNOWN)
    async def test_of_the_version_there_is_not_modified(
        self, business: Business, header: str, method: str
    ):
        for url in await urls_of(business):
            answer = await business.http.request(method, url, headers={"If-None-Match": header})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == '"1"'
            assert "content-type" not in answer.headers
            assert "x-request-id" in answer.headers

    @pytest.mark.parametrize("header", UNKNOWN)
    async def test_of_any_other_is_answered_whole(self, business: Business, header: str):
        for url in await urls_of(business):
            whole = await business.http.get(url)
            answer = await business.http.get(url, headers={"If-None-Match": header})
            assert (answer.status_code, answer.content) == (200, whole.content)
            assert CANARY not in str(answer.headers)

    async def test_of_what_has_changed_is_answered_whole(self, business: Business):
        for url in await urls_of(business):
            await business.http.patch(url, json={"name": "C"}, headers={"If-Match": '"1"'})
            answer = await business.http.get(url, headers={"If-None-Match": '"1"'})
            assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')

    async def test_does_not_tell_of_what_is_not_there(self, business: Business, other: Business):
        url = await an_item_of(business)
        answer = await other.http.get(url, headers={"If-None-Match": "*"})
        assert answer.status_code == 404

    async def test_is_nothing_to_a_list(self, business: Business):
        answer = await business.http.get("/v1/items", headers={"If-None-Match": "*"})
        assert answer.status_code == 200
        assert "etag" not in answer.headers


def comparable(headers: httpx2.Headers) -> Mapping[str, str]:
    """Leave out what differs between any two requests; a cursor holds the time of the first."""
    own = {"x-request-id", "sokho-sync-watermark"}
    return {
        name: value.partition("&cursor=")[0] for name, value in headers.items() if name not in own
    }


class TestWhatHasNoVersion:
    async def test_is_known_by_its_content(self, business: Business):
        item, *_ = await urls_of(business)
        conversion = f"{item}/conversions/hộp"
        await business.http.put(conversion, json={"numerator": 6})
        key = (
            await business.http.post("/v1/api-keys", json={"name": "K", "role": "viewer"})
        ).json()
        for url, change in (
            (conversion, business.http.put(conversion, json={"numerator": 12})),
            (f"/v1/api-keys/{key['id']}", business.http.delete(f"/v1/api-keys/{key['id']}")),
        ):
            first = await business.http.get(url)
            known = {"If-None-Match": first.headers["etag"]}
            again = await business.http.get(url, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            await change
            changed = await business.http.get(url, headers=known)
            assert changed.status_code == 200
            assert changed.headers["etag"] != first.headers["etag"]


class TestHead:
    async def test_answers_the_headers_of_get_and_nothing_else(self, business: Business):
        item, unit, place = await urls_of(business)
        await an_item_of(business, "Ốc")
        await business.http.put(f"{item}/conversions/thùng", json={"numerator": 24})
        for url in (
            item, unit, place, "/v1/items", "/v1/items?limit=1&sort=-sku", "/v1/units?limit=2",
            "/v1/locations", f"{item}/conversions",
        ):  # fmt: skip
            get, head = await business.http.get(url), await business.http.head(url)
            assert (head.status_code, head.content) == (200, b"")
            assert comparable(head.headers) == comparable(get.headers)
            assert int(head.headers["content-length"]) == len(get.content) > 0

    async def test_sends_no_body(self, app: FastAPI, business: Business):
        """Seen behind the client, which would not show one."""
        sent: list[bytes] = []

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                sent.append(message.get("body", b""))
                await send(message)

            await app(scope, receive, note)

        async with client_of(watched, business.api_key) as http:
            for url in (*await urls_of(business), "/v1/items", "/v1/units"):
                await http.head(url)
                assert b"".join(sent) == b""
                await http.get(url)
                assert b"".join(sent) != b""
                sent.clear()

    async def test_shows_a_list_where_its_next_page_is(self, business: Business):
        for sku in "AB":
            await an_item_of(business, sku)
        head = await business.http.head("/v1/items?limit=1")
        assert 'rel="next"' in head.headers["link"]
        assert "sokho-sync-watermark" in head.headers

    async def test_is_refused_as_a_get_is(self, business: Business, other: Business):
        url = await an_item_of(business)
        assert (await other.http.head(url)).status_code == 404
        assert (await business.http.head("/v1/items/x")).status_code == 422
        assert (await business.http.head("/v1/items?limit=0")).status_code == 422
