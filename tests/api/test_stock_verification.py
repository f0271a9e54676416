"""``GET /v1/stock/verification``: the proof of an item's ledger."""

from uuid import uuid4

import asyncpg
import httpx2

from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.conftest import ClientWith
from tests.api.problems import problem_of
from tests.conftest import Business

PATH = "/v1/stock/verification"


async def _with_stock(http: httpx2.AsyncClient) -> str:
    """Make an item that was received and in part issued, and return its id."""
    item = (await http.post("/v1/items", json={"sku": "A", "name": "A"})).json()
    [location] = (await http.get("/v1/locations")).json()
    for type, side in (("receipt", "to_location_id"), ("issue", "from_location_id")):
        line = {"sku": "A", "quantity": "2", side: location["id"]}
        made = await http.post(
            "/v1/stock/transactions",
            json={"type": type, "lines": [line]},
            headers={"Idempotency-Key": type},
        )
        assert made.status_code == 201, made.text
    id: str = item["id"]
    return id


class TestVerification:
    async def test_of_an_item_that_moved_tells_its_moves_and_nothing_wrong(
        self, business: Business
    ):
        item_id = await _with_stock(business.http)
        answer = await business.http.get(PATH, params={"item_id": item_id})
        assert answer.status_code == 200
        assert answer.json() == {"item_id": item_id, "moves": 2, "complete": True, "findings": []}

    async def test_names_what_was_tampered_with_in_the_callers_language(
        self, business: Business, urls: DatabaseUrls
    ):
        item_id = await _with_stock(business.http)
        connection = await asyncpg.connect(urls.admin)
        account = await connection.fetchval(
            "UPDATE stock_balances SET on_hand = 5 WHERE tenant_id = $1 RETURNING account_id",
            business.tenant_id,
        )
        await connection.close()
        for language, word in (("vi", "Số tồn"), ("en", "on hand")):
            answer = await business.http.get(
                PATH, params={"item_id": item_id}, headers={"Accept-Language": language}
            )
            assert answer.headers["content-language"] == language
            [finding] = answer.json()["findings"]
            assert word in finding.pop("detail")
            assert finding == {
                "invariant": "I2",
                "code": "balance_differs",
                "table": "stock_balances",
                "row": str(account),
            }

    async def test_of_what_never_moved_has_nothing_to_look_at(
        self, business: Business, other: Business
    ):
        theirs = await _with_stock(other.http)
        for item_id in (theirs, str(uuid4())):
            answer = await business.http.get(PATH, params={"item_id": item_id})
            nothing = {"moves": 0, "complete": True, "findings": []}
            assert answer.json() == {"item_id": item_id, **nothing}

    async def test_needs_an_item_and_nothing_else(self, business: Business):
        for query in ("", "?item_id=x", f"?item_id={uuid4()}&q=1"):
            problem_of(await business.http.get(PATH + query), 422, "validation_failed")

    async def test_needs_stock_read(self, client_with: ClientWith):
        params = {"item_id": str(uuid4())}
        allowed = await client_with(Scope.STOCK_READ)
        assert (await allowed.get(PATH, params=params)).status_code == 200
        others = await client_with(*(scope for scope in Scope if scope != Scope.STOCK_READ))
        problem_of(await others.get(PATH, params=params), 403, "permission_denied")
