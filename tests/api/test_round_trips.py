"""What an operation costs at the database, counted over every transaction of the request."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.http.context import RequestContext
from tests.api.problems import problem_of
from tests.api.reserved import act, reserved
from tests.api.stocked import Store, posted, reversed_
from tests.conftest import Business, client_of


class Ledger:
    """Every transaction that `database` is asked for, also before the caller is known."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._opened: list[Transaction] = []
        open_one = database.transaction

        def recorded(tenant_id: UUID, **how: Any) -> Transaction:
            self._opened.append(open_one(tenant_id, **how))
            return self._opened[-1]

        monkeypatch.setattr(database, "transaction", recorded)

    def settle(self) -> int:
        """Return the round trips since the last settling."""
        trips = sum(transaction.round_trips for transaction in self._opened)
        self._opened.clear()
        return trips


@pytest.fixture
def ledger(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    return Ledger(app.state.database, monkeypatch)


@pytest.fixture
async def warm(business: Business, ledger: Ledger) -> httpx2.AsyncClient:
    """A client whose key has just been verified."""
    await business.http.get("/v1/items")
    ledger.settle()
    return business.http


ITEM = {"sku": "A", "name": "B"}
ANY = {"If-Match": "*"}


class TestRoundTrips:
    async def test_of_a_create_is_one(self, warm: httpx2.AsyncClient, ledger: Ledger):
        for body in (ITEM, {"sku": "B", "name": "B", "tags": ["x", "y"]}):
            assert (await warm.post("/v1/items", json=body)).status_code == 201
            assert ledger.settle() == 1
        assert (await warm.post("/v1/items", json=ITEM)).status_code == 409
        assert ledger.settle() == 1

    async def test_of_an_idempotency_key_are_none_but_to_tell_again(
        self, warm: httpx2.AsyncClient, ledger: Ledger
    ):
        for trips in (3, 3):  # begin, undo, look: the second is told what the first was
            headers = {"Idempotency-Key": "k"}
            assert (await warm.post("/v1/items", json=ITEM, headers=headers)).status_code == 201
            assert ledger.settle() == trips

    async def test_of_a_get_is_one(self, warm: httpx2.AsyncClient, ledger: Ledger):
        created = await warm.post("/v1/items", json=ITEM)
        ledger.settle()
        assert (await warm.get(created.headers["location"])).status_code == 200
        assert ledger.settle() == 1

    @pytest.mark.parametrize("query", ["", "?sort=-sku&limit=1", "?tag=x&status=active"])
    async def test_of_a_list_is_one(self, warm: httpx2.AsyncClient, ledger: Ledger, query: str):
        assert (await warm.get(f"/v1/items{query}")).status_code == 200
        assert ledger.settle() == 1

    async def test_of_a_patch_are_four(self, warm: httpx2.AsyncClient, ledger: Ledger):
        """Begin, hold, update, commit; what changes nothing needs no update."""
        url = (await warm.post("/v1/items", json=ITEM | {"tags": ["x"]})).headers["location"]
        ledger.settle()
        for body, trips in (
            ({"name": "C"}, 4),
            ({"tags": ["y"], "attributes": {"a": 1}, "sku": "B"}, 4),
            ({"unit": "kg"}, 5),  # are there conversions?
            ({}, 3),
        ):
            assert (await warm.patch(url, json=body, headers=ANY)).status_code == 200
            assert ledger.settle() == trips

    async def test_of_a_delete_are_four(self, warm: httpx2.AsyncClient, ledger: Ledger):
        url = (await warm.post("/v1/items", json=ITEM | {"tags": ["x"]})).headers["location"]
        ledger.settle()
        assert (await warm.delete(url, headers=ANY)).status_code == 204
        assert ledger.settle() == 4

    @pytest.mark.parametrize("rows", [1, 10, 300])
    async def test_of_a_batch_are_seven_however_many_rows(
        self, warm: httpx2.AsyncClient, ledger: Ledger, rows: int
    ):
        """Begin, turn, lock, units, save, event, commit; without a change nothing is saved."""
        body = [{"sku": f"S{n}", "name": "B", "tags": ["x", str(n)]} for n in range(rows)]
        for change, trips in (({}, 7), ({"name": "C"}, 7), ({"unit": "kg"}, 8), ({}, 5)):
            body = [row | change for row in body]
            answer = await warm.post("/v1/items/batch", json={"items": body})
            assert answer.status_code == 200
            assert ledger.settle() == trips

    async def test_of_units(self, warm: httpx2.AsyncClient, ledger: Ledger):
        for method, path, body, trips in (
            ("GET", "", None, 1),
            ("GET", "/kg", None, 1),
            ("POST", "", {"code": "két", "name": "két"}, 3),
            ("PATCH", "/két", {"decimals": 1}, 5),  # has stock moved in it?
            ("PATCH", "/két", {"name": "két 24"}, 4),
        ):
            answer = await warm.request(method, f"/v1/units{path}", json=body)
            assert answer.status_code < 300
            assert ledger.settle() == trips, (method, path)

    async def test_of_locations(self, warm: httpx2.AsyncClient, ledger: Ledger):
        place = {"name": "Kho", "kind": "warehouse"}
        url = (await warm.post("/v1/locations", json=place | {"code": "A"})).headers["location"]
        below = place | {"parent_id": url.rpartition("/")[2]}
        lower = (await warm.post("/v1/locations", json=below | {"code": "B"})).headers["location"]
        ledger.settle()
        for method, path, body, trips in (
            ("GET", "/v1/locations", None, 1),
            ("GET", url, None, 1),
            ("POST", "/v1/locations", place | {"code": "C"}, 3),
            ("POST", "/v1/locations", below | {"code": "D"}, 5),  # turn, what is above
            ("PATCH", url, {"name": "x"}, 4),
            ("PATCH", lower, {"parent_id": None}, 6),  # turn, hold, how deep is it, update
            (
                "PATCH",
                lower,
                {"status": "archived"},
                8,
            ),  # turn, hold, anything active, two of stock, update
            ("DELETE", lower, None, 4),
        ):
            answer = await warm.request(method, path, json=body, headers=ANY)
            assert answer.status_code < 300
            assert ledger.settle() == trips, (method, path, body)

    async def test_of_a_stock_document_is_one(self, business: Business, ledger: Ledger):
        """However many lines; five more to open accounts, once for an item and a place."""
        store = await Store.opened(business)
        receipt = store.line("9", target=store.here)
        issue = store.line("1", store.here)
        ledger.settle()
        for type, lines, trips in (
            ("receipt", [receipt], 5),  # begin, open, enter, commit
            ("receipt", [receipt], 1),
            ("issue", [issue], 5),  # nobody has taken any out yet
            ("issue", [issue], 1),
            ("issue", [issue] * 5, 1),
        ):
            document = await posted(business, type, *lines)
            assert ledger.settle() == trips, type
        answer = await reversed_(business, document["id"])
        assert answer.status_code == 201
        assert ledger.settle() == 5  # begin, the document, its lines, enter, commit
        problem_of(await store.issue("99"), 409, "insufficient_stock")
        assert ledger.settle() == 1

    async def test_of_a_stock_document_that_is_told_again_are_two(
        self, business: Business, ledger: Ledger
    ):
        store = await Store.opened(business)
        await store.receive("1")
        body = {"type": "receipt", "lines": [store.line("1", target=store.here)]}
        ledger.settle()
        for trips in (1, 2):
            answer = await business.http.post(
                "/v1/stock/transactions", json=body, headers={"Idempotency-Key": "again"}
            )
            assert answer.status_code == 201
            assert ledger.settle() == trips

    async def test_of_a_stock_document_of_the_past(self, business: Business, ledger: Ledger):
        """Four where more is to be done than the document.

        One more to add an earlier month up, and one to look at the later dates; what came late is
        noted by either, or by one more.
        """
        store = await Store.opened(business)
        await store.receive("9", effective_at="2026-01-05T00:00:00Z")
        await store.issue("1", effective_at="2026-01-08T00:00:00Z")
        ledger.settle()
        for day, trips in (("01-09", 1), ("01-07", 5), ("02-01", 5), ("02-02", 1), ("01-06", 6)):
            answer = await store.issue("1", effective_at=f"2026-{day}T00:00:00Z")
            assert answer.status_code == 201
            assert ledger.settle() == trips, day
        await store.receive("1", effective_at="2026-02-01T00:00:00Z")  # it takes nothing
        assert ledger.settle() == 5
        answer = await store.issue("9", effective_at="2026-01-06T00:00:00Z")
        problem_of(answer, 409, "insufficient_stock")

    async def test_of_a_reservation(self, business: Business, ledger: Ledger):
        """As of a document; what ends one holds, reads and closes it before that."""
        store = await Store.opened(business)
        await store.receive("9")
        await store.issue("1")
        made = []
        ledger.settle()
        for _ in range(3):
            made.append((await reserved(store, "2", seconds=60))["id"])
            assert ledger.settle() == 4
        for id, action, trips in zip(
            made, ("confirm", "release", "extend"), (6, 5, 5), strict=True
        ):
            body = {"expires_in_seconds": 600} if action == "extend" else {}
            assert (await act(business, id, action, body)).status_code == 200
            assert ledger.settle() == trips, action
        problem_of(await store.issue("5"), 409, "insufficient_stock")
        assert (
            ledger.settle() == 5
        )  # once alone, begin, enter, what has expired is looked for: something is reserved

    async def test_of_what_is_read_of_stock(self, business: Business, ledger: Ledger):
        store = await Store.opened(business)
        document = await store.receive("1")
        ledger.settle()
        for path, trips in (
            (f"/transactions/{document['id']}", 2),  # and its lines
            ("/transactions", 2),
            ("/transactions?type=issue", 1),
            ("/levels", 1),
            (f"/levels?location_id={store.here}&include_children=true", 1),
            ("/levels?as_of=2026-01-01T00:00:00Z", 1),
            (f"/moves?item_id={store.item_id}&location_id={store.here}", 1),
        ):
            assert (await business.http.get(f"/v1/stock{path}")).status_code == 200
            assert ledger.settle() == trips, path

    async def test_of_conversions(self, warm: httpx2.AsyncClient, ledger: Ledger):
        url = f"{(await warm.post('/v1/items', json=ITEM)).headers['location']}/conversions"
        ledger.settle()
        for method, path, body, trips in (
            ("PUT", "/thùng", {"numerator": 24}, 5),  # begin, hold the unit, look, put, commit
            ("PUT", "/thùng", {"numerator": 12}, 5),
            ("PUT", "/thùng", {"numerator": 12}, 4),  # nothing to put
            ("GET", "", None, 1),
            ("DELETE", "/thùng", None, 4),
            ("GET", "", None, 2),  # nothing: is there such an item?
        ):
            answer = await warm.request(method, f"{url}{path}", json=body)
            assert answer.status_code < 300
            assert ledger.settle() == trips, (method, path)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_of_a_conditional_read_is_one(
        self, warm: httpx2.AsyncClient, ledger: Ledger, method: str
    ):
        created = await warm.post("/v1/items", json=ITEM)
        ledger.settle()
        url = created.headers["location"]
        for known in ('"1"', '"2"'):
            await warm.request(method, url, headers={"If-None-Match": known})
            assert ledger.settle() == 1

    async def test_of_a_refused_request_are_none(self, warm: httpx2.AsyncClient, ledger: Ledger):
        for answer in (
            await warm.post("/v1/items", json={"sku": ""}),
            await warm.post("/v1/items", json=ITEM | {"name": " "}),
            await warm.post("/v1/items", content=b"{"),
            await warm.patch(f"/v1/items/{UUID(int=7)}", json={"name": "C"}),
            await warm.patch(f"/v1/items/{UUID(int=7)}", json={"id": "x"}, headers=ANY),
            await warm.post("/v1/items/batch", json={"items": [{"name": "B"}]}),
            await warm.get("/v1/items?limit=0"),
            await warm.get("/v1/items?cursor=x"),
            await warm.get("/v1/items/x"),
            await warm.get("/v1/items", headers={"Authorization": "Bearer x"}),
        ):
            assert 400 <= answer.status_code < 500
        assert ledger.settle() == 0

    async def test_of_a_cold_key_are_one_more(
        self, business: Business, other: Business, ledger: Ledger
    ):
        for http in (business.http, other.http):
            assert (await http.get("/v1/items")).status_code == 200
            assert ledger.settle() == 2


class TestRequestContext:
    async def test_knows_what_the_request_cost(self, app: FastAPI, business: Business):
        scopes: list[Any] = []

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await app(scope, receive, send)

        async with client_of(watched, business.api_key) as http:
            await http.post("/v1/items", json=ITEM)
            await http.get("/v1/items")
        costs = [RequestContext.of(scope).transaction for scope in scopes]
        assert [cost.round_trips for cost in costs if cost is not None] == [1, 1]
