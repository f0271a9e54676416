"""GET /v1/audit-events: what has happened in a business, to be read and to be followed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.events import Event
from sokho.core.domain.identity import Origin
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.modules.api_keys.domain.tokens import KeyToken
from tests.api.conftest import ClientWith
from tests.api.problems import problem_of
from tests.conftest import Business

EVENTS: Final = "/v1/audit-events"
FIELDS: Final = [
    *("id", "tenant_id", "type", "resource_id"),
    *("actor", "on_behalf_of", "request_id", "changes", "created_at"),
]
PATIENCE: Final = 20.0
"""For what other tests of this run have open: events wait for every older transaction."""

Listed: TypeAlias = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def listed(business: Business) -> Listed:
    """Return the reader of a business's events, as soon as there are so many."""

    async def read(count: int, query: str = "", http: httpx2.AsyncClient | None = None) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await (http or business.http).get(f"{EVENTS}{query}")
                assert answer.status_code == 200, answer.text
                if len(answer.json()) >= count:
                    return answer.json()
                await asyncio.sleep(0.02)

    return read


async def record(database: Database, tenant_id: UUID, *events: Event, actor: str = "x") -> None:
    """Write events, each in a transaction of its own."""
    for event in events:
        async with database.transaction(tenant_id, origin=Origin(actor)) as transaction:
            transaction.record(event)


def key_of(business: Business) -> str:
    token = KeyToken.parse(business.api_key)
    assert token is not None
    return f"api_key:{token.key_id}"


class TestEvent:
    async def test_tells_who_changed_what_and_when(self, business: Business, listed: Listed):
        made = await business.http.post(
            "/v1/items", json={"sku": "A", "name": "B"}, headers={"Sokho-Actor": "nv-042"}
        )
        event = (await listed(4))[-1]
        assert list(event) == FIELDS
        created_at = event.pop("created_at")
        assert created_at == made.json()["created_at"]
        assert UUID(event.pop("id")).version == 7
        changes = event.pop("changes")
        assert changes.keys() >= {"sku", "name", "unit", "version"}
        assert changes["name"] == {"after": "B"}
        assert event == {
            "tenant_id": str(business.tenant_id),
            "type": "item.created",
            "resource_id": made.json()["id"],
            "actor": key_of(business),
            "on_behalf_of": "nv-042",
            "request_id": made.headers["x-request-id"],
        }

    async def test_of_a_batch_is_one(self, business: Business, listed: Listed):
        rows = [{"sku": f"S{n}", "name": "N"} for n in range(300)]
        batch = await business.http.post("/v1/items/batch", json={"items": rows})
        [event] = await listed(1, "?type=item.batch")
        assert event["resource_id"] is None
        made = {id: row["sku"] for id, row in zip(batch.json()["ids"], rows, strict=True)}
        assert event["changes"] == {"created": made, "updated": {}}

    async def test_of_the_opening_are_the_first(self, listed: Listed):
        first = await listed(3)
        opening = ["tenant.created", "location.created", "api_key.created"]
        assert [event["type"] for event in first] == opening
        assert {event["actor"] for event in first} == {"command_line"}


class TestFilters:
    @pytest.fixture(autouse=True)
    async def _events(self, app: FastAPI, business: Business, listed: Listed) -> None:
        for actor in ("one", "two"):
            for name in ("a", "b"):
                event = Event(f"thing.{name}", f"id-{name}", {})
                await record(app.state.database, business.tenant_id, event, actor=actor)
        await listed(7)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("?type=thing.a", 2),
            ("?resource_id=id-b", 2),
            ("?actor=one", 2),
            ("?type=thing.a&actor=two", 1),
            ("?type=thing.a&resource_id=id-a&actor=two", 1),
            ("?type=thing.a&resource_id=id-b", 0),
            ("?type=thing", 0),
            ("?type=THING.A", 0),
            ("?actor=", 0),
            ("?resource_id=%25", 0),
        ],
    )
    async def test_must_all_hold_exactly(self, listed: Listed, query: str, count: int):
        found = await listed(count, query)
        assert len(found) == count
        backwards = await listed(count, f"{query}&sort=-position")
        assert backwards == found[::-1]

    async def test_by_resource_show_the_history_of_one_item(
        self, business: Business, listed: Listed
    ):
        url = (await business.http.post("/v1/items", json={"sku": "A", "name": "B"})).headers[
            "location"
        ]
        item_id = url.rpartition("/")[2]
        any_version = {"If-Match": "*"}
        await business.http.patch(url, json={"name": "C"}, headers=any_version)
        await business.http.put(f"{url}/conversions/thùng", json={"numerator": 2})
        await business.http.delete(url, headers=any_version)
        history = await listed(4, f"?resource_id={item_id}")
        assert [event["type"] for event in history] == [
            "item.created",
            "item.updated",
            "item.conversion_changed",
            "item.deleted",
        ]
        assert history[1]["changes"]["name"] == {"before": "B", "after": "C"}


class TestPages:
    @pytest.mark.parametrize("sort", ["position", "-position"])
    @pytest.mark.parametrize("limit", [1, 3, 7, 500])
    async def test_followed_by_their_links_show_each_event_once(
        self, app: FastAPI, business: Business, listed: Listed, sort: str, limit: int
    ):
        events = [Event(f"thing.{number}", None, {}) for number in range(9)]
        await record(app.state.database, business.tenant_id, *events)
        everything = await listed(12)
        url, seen = f"{EVENTS}?sort={sort}&limit={limit}", list[Any]()
        while url:
            answer = await business.http.get(url)
            assert len(answer.json()) <= limit
            seen += answer.json()
            url = answer.links.get("next", {}).get("url", "")
        assert seen == (everything if sort == "position" else everything[::-1])

    async def test_skip_an_offset(self, listed: Listed):
        everything = await listed(3)
        assert await listed(2, "?offset=1") == everything[1:]

    async def test_are_read_on_from_the_last_link_by_who_follows(
        self, app: FastAPI, business: Business, listed: Listed
    ):
        """The last page has no link: whoever follows asks for it again, and knows it by its ids."""
        url, seen = f"{EVENTS}?limit=2", dict[str, str]()
        for turn in range(8):
            many = [Event(f"thing.{turn}.{number}", None, {}) for number in range(turn % 4)]
            await record(app.state.database, business.tenant_id, *many)
            while True:
                answer = await business.http.get(url)
                seen |= {event["id"]: event["type"] for event in answer.json()}
                if "next" not in answer.links:
                    break
                url = answer.links["next"]["url"]
        everything = await listed(15, "?limit=500")
        async with asyncio.timeout(PATIENCE):
            while len(seen) < len(everything):
                answer = await business.http.get(url)
                seen |= {event["id"]: event["type"] for event in answer.json()}
                url = answer.links.get("next", {}).get("url", url)
        assert [*seen] == [event["id"] for event in everything]

    @pytest.mark.parametrize(
        "changed", ["sort=-position", "type=item.created", "resource_id=a", "actor=a"]
    )
    async def test_of_another_query_are_refused(
        self, business: Business, listed: Listed, changed: str
    ):
        await listed(2)
        link = (await business.http.get(f"{EVENTS}?limit=1")).links["next"]["url"]
        cursor = link.partition("cursor=")[2]
        answer = await business.http.get(f"{EVENTS}?limit=1&cursor={cursor}&{changed}")
        problem_of(answer, 400, "invalid_cursor")

    async def test_of_another_business_are_refused(
        self, business: Business, other: Business, listed: Listed
    ):
        await listed(2)
        link = (await business.http.get(f"{EVENTS}?limit=1")).links["next"]["url"]
        problem_of(await other.http.get(link), 400, "invalid_cursor")


class TestRefusals:
    @pytest.mark.parametrize(
        "query",
        [
            "?q=x",
            "?on_behalf_of=x",
            "?sort=id",
            "?sort=created_at",
            "?limit=0",
            "?limit=501",
            "?offset=10001",
            "?type=a&type=b",
            "?type=%00",
            "?updated_since=2026-01-01T00:00:00Z",
        ],
    )
    async def test_a_parameter_that_does_not_fit(self, business: Business, query: str):
        problem_of(await business.http.get(f"{EVENTS}{query}"), 422, "validation_failed")

    async def test_a_key_that_may_not_read_the_log(self, client_with: ClientWith):
        may_not = await client_with(*(scope for scope in Scope if scope != Scope.AUDIT_READ))
        problem_of(await may_not.get(EVENTS), 403, "permission_denied")

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    async def test_every_change_of_it(self, business: Business, method: str):
        answer = await business.http.request(method, EVENTS, json={})
        problem_of(answer, 405, "method_not_allowed")


class TestAnotherBusiness:
    async def test_sees_none_of_it(self, business: Business, other: Business, listed: Listed):
        made = await business.http.post(
            "/v1/items", json={"sku": "A", "name": "B"}, headers={"Sokho-Actor": "nv-042"}
        )
        ours = await listed(4)
        filters = (f"resource_id={made.json()['id']}", f"actor={key_of(business)}")
        for query in ("", "?sort=-position", *(f"?{each}" for each in filters)):
            theirs = (await other.http.get(f"{EVENTS}{query}")).text
            for event in ours:
                assert event["id"] not in theirs
            assert "nv-042" not in theirs


class TestLargeEvents:
    async def test_come_in_pages_of_some_megabytes(self, app: FastAPI, business: Business):
        """A page is bounded by what it weighs: five hundred batches would fill the memory."""
        large = [Event("test.large", str(n), {"a": "x" * 3_000_000}) for n in range(5)]
        await record(app.state.database, business.tenant_id, *large)
        async with asyncio.timeout(PATIENCE):
            pages: list[list[str]] = []
            while sum(map(len, pages)) < len(large):
                pages = []
                url = f"{EVENTS}?type=test.large&limit=500"
                while url:
                    answer = await business.http.get(url)
                    assert len(answer.content) < 8_000_000
                    pages.append([event["resource_id"] for event in answer.json()])
                    url = answer.links.get("next", {}).get("url", "")
        assert pages == [["0", "1"], ["2", "3"], ["4"]]

    async def test_come_one_by_one_where_each_is_too_large(self, app: FastAPI, business: Business):
        large = [Event("test.large", str(n), {"a": "x" * 5_000_000}) for n in range(2)]
        await record(app.state.database, business.tenant_id, *large)
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await business.http.get(f"{EVENTS}?type=test.large&sort=-position")
                if [event["resource_id"] for event in answer.json()] == ["1"]:
                    break
        following = await business.http.get(answer.links["next"]["url"])
        assert [event["resource_id"] for event in following.json()] == ["0"]
        assert "link" not in following.headers
