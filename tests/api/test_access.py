"""Who may do what: every operation, tried by everybody who may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.tokens import KeyToken
from tests.api.conftest import ClientWith
from tests.api.problems import problem_of
from tests.conftest import Business


@dataclass(frozen=True)
class Operation:
    """One route, the scope that it needs, and a body that it takes.

    Without a scope it is the operator's.
    """

    method: str
    path: str
    scope: Scope | None
    body: Mapping[str, object] | None = None
    query: str = ""
    refusal: str = "not_found"
    """How it is refused, if at all, to whoever may, where no id names anything."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    async def call(self, http: httpx2.AsyncClient) -> httpx2.Response:
        ids = {name: uuid4() for name in IDS}
        places = ids | {"code": "kg", "unit": "kg"}
        return await http.request(
            self.method,
            f"{self.path}{self.query}".format(**places),
            json=self.body,
            headers={"If-Match": "*", "Idempotency-Key": str(uuid4())},
        )


IDS: Final = (
    *("item_id", "location_id", "transaction_id", "reservation_id", "count_id"),
    *("key_id", "tenant_id"),
)
ITEM: Final = {"sku": "A", "name": "B"}
LOCATION: Final = {"code": "A", "name": "B", "kind": "warehouse"}
ITEMS: Final = "/v1/items"
ONE: Final = "/v1/items/{item_id}"
TENANTS: Final = "/v1/admin/tenants"
LOCATIONS: Final = "/v1/locations"
STOCK: Final = "/v1/stock"
DOCUMENT: Final = {
    "type": "receipt",
    "lines": [{"sku": "A", "quantity": "1", "to_location_id": str(uuid4())}],
}
COUNTS: Final = "/v1/stock/counts"
COUNTED: Final = {"lines": [{"sku": "A", "quantity": "1"}]}
RESERVATIONS: Final = "/v1/stock/reservations"
RESERVATION: Final = {
    "lines": [{"sku": "A", "quantity": "1", "location_id": str(uuid4())}],
    "expires_in_seconds": 60,
}
MINIMUM: Final = "/v1/stock/minimums/{item_id}/{location_id}"
CONVERSIONS: Final = "/v1/items/{item_id}/conversions"

OPERATIONS: Final = [
    Operation("POST", ITEMS, Scope.ITEMS_WRITE, ITEM),
    Operation("GET", ITEMS, Scope.ITEMS_READ),
    Operation("POST", "/v1/items/batch", Scope.ITEMS_WRITE, {"items": [ITEM]}),
    Operation("GET", ONE, Scope.ITEMS_READ),
    Operation("PATCH", ONE, Scope.ITEMS_WRITE, {"name": "C"}),
    Operation("DELETE", ONE, Scope.ITEMS_WRITE),
    Operation("GET", CONVERSIONS, Scope.ITEMS_READ),
    Operation("GET", CONVERSIONS + "/{unit}", Scope.ITEMS_READ),
    Operation("PUT", CONVERSIONS + "/{unit}", Scope.ITEMS_WRITE, {"numerator": 24}),
    Operation("DELETE", CONVERSIONS + "/{unit}", Scope.ITEMS_WRITE),
    Operation("POST", "/v1/units", Scope.ITEMS_WRITE, {"code": "két", "name": "két"}),
    Operation("GET", "/v1/units", Scope.ITEMS_READ),
    Operation("GET", "/v1/units/{code}", Scope.ITEMS_READ),
    Operation("PATCH", "/v1/units/{code}", Scope.ITEMS_WRITE, {"name": "ký"}),
    Operation("POST", LOCATIONS, Scope.LOCATIONS_WRITE, LOCATION),
    Operation("GET", LOCATIONS, Scope.LOCATIONS_READ),
    Operation("GET", LOCATIONS + "/{location_id}", Scope.LOCATIONS_READ),
    Operation("PATCH", LOCATIONS + "/{location_id}", Scope.LOCATIONS_WRITE, {"name": "C"}),
    Operation("DELETE", LOCATIONS + "/{location_id}", Scope.LOCATIONS_WRITE),
    Operation(
        *("POST", STOCK + "/transactions", Scope.STOCK_WRITE, DOCUMENT),
        refusal="validation_failed",
    ),
    Operation("GET", STOCK + "/transactions", Scope.STOCK_READ),
    Operation("GET", STOCK + "/transactions/{transaction_id}", Scope.STOCK_READ),
    Operation("POST", STOCK + "/transactions/{transaction_id}/reverse", Scope.STOCK_WRITE, {}),
    Operation(
        *("POST", RESERVATIONS, Scope.STOCK_WRITE, RESERVATION),
        refusal="validation_failed",
    ),
    Operation("GET", RESERVATIONS, Scope.STOCK_READ),
    Operation("GET", RESERVATIONS + "/{reservation_id}", Scope.STOCK_READ),
    Operation("POST", RESERVATIONS + "/{reservation_id}/confirm", Scope.STOCK_WRITE, {}),
    Operation("POST", RESERVATIONS + "/{reservation_id}/release", Scope.STOCK_WRITE),
    Operation(
        *("POST", RESERVATIONS + "/{reservation_id}/extend", Scope.STOCK_WRITE),
        body={"expires_in_seconds": 60},
    ),
    Operation("GET", MINIMUM, Scope.STOCK_READ),
    Operation("PUT", MINIMUM, Scope.STOCK_WRITE, {"minimum": "1"}),
    Operation("DELETE", MINIMUM, Scope.STOCK_WRITE),
    Operation("GET", STOCK + "/levels", Scope.STOCK_READ),
    Operation(
        *("GET", STOCK + "/moves", Scope.STOCK_READ),
        query="?item_id={item_id}&location_id={location_id}",
    ),
    Operation(*("GET", STOCK + "/verification", Scope.STOCK_READ), query="?item_id={item_id}"),
    Operation(
        *("POST", COUNTS, Scope.STOCK_WRITE, {"location_id": str(uuid4())}),
        refusal="unknown_location",
    ),
    Operation("GET", COUNTS, Scope.STOCK_READ),
    Operation("GET", COUNTS + "/{count_id}", Scope.STOCK_READ),
    Operation("GET", COUNTS + "/{count_id}/lines", Scope.STOCK_READ),
    Operation("POST", COUNTS + "/{count_id}/lines", Scope.STOCK_WRITE, COUNTED),
    Operation("POST", COUNTS + "/{count_id}/post", Scope.STOCK_WRITE, {}),
    Operation("POST", COUNTS + "/{count_id}/cancel", Scope.STOCK_WRITE),
    Operation("GET", STOCK + "/period-lock", Scope.STOCK_LOCK),
    Operation(
        *("PUT", STOCK + "/period-lock", Scope.STOCK_LOCK, {"locked_before": None, "version": 0}),
    ),
    Operation("GET", "/v1/tenant", Scope.TENANT_READ),
    Operation("PATCH", "/v1/tenant", Scope.TENANT_WRITE, {"name": "Quán"}),
    Operation("GET", "/v1/api-keys", Scope.KEYS_MANAGE),
    Operation("POST", "/v1/api-keys", Scope.KEYS_MANAGE, {"name": "K", "scopes": ["keys:manage"]}),
    Operation("GET", "/v1/api-keys/{key_id}", Scope.KEYS_MANAGE),
    Operation("DELETE", "/v1/api-keys/{key_id}", Scope.KEYS_MANAGE),
    Operation("POST", "/v1/api-keys/{key_id}/rotate", Scope.KEYS_MANAGE, {"overlap_seconds": 0}),
    Operation("GET", "/v1/audit-events", Scope.AUDIT_READ),
    Operation("GET", TENANTS, None),
    Operation("POST", TENANTS, None, {"name": "Quán"}),
    Operation("GET", TENANTS + "/{tenant_id}", None),
    Operation("POST", TENANTS + "/{tenant_id}/suspend", None),
    Operation("POST", TENANTS + "/{tenant_id}/resume", None),
]
OF_A_BUSINESS: Final = [operation for operation in OPERATIONS if operation.scope is not None]
OF_THE_OPERATOR: Final = [operation for operation in OPERATIONS if operation.scope is None]

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
every_operation_of_a_business = pytest.mark.parametrize("operation", OF_A_BUSINESS, ids=str)


def test_every_documented_operation_is_tried_here(app: FastAPI):
    documented = {
        (method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item
    }
    assert documented == {(operation.method, operation.path) for operation in OPERATIONS}


@every_operation
class TestEveryOperation:
    async def test_refuses_the_anonymous(self, anonymous: httpx2.AsyncClient, operation: Operation):
        answer = await operation.call(anonymous)
        problem_of(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="sokho"'

    async def test_refuses_the_anonymous_before_it_looks_at_anything_else(
        self, anonymous: httpx2.AsyncClient, operation: Operation
    ):
        for query in ("?limit=x", "?q=1", "?a=1&a=2", "?%FF", "?a=%00"):
            ids = dict.fromkeys(IDS, "not-a-uuid")
            path = operation.path.format(**ids, code="%00", unit="%00")
            answer = await anonymous.request(operation.method, path + query, content=b"{")
            problem_of(answer, 401, "unauthenticated")


@every_operation_of_a_business
class TestEveryOperationOfABusiness:
    async def test_refuses_a_key_without_its_scope(
        self, client_with: ClientWith, operation: Operation
    ):
        http = await client_with(*(scope for scope in Scope if scope != operation.scope))
        problem = problem_of(await operation.call(http), 403, "permission_denied")
        assert str(operation.scope) in problem["detail"]

    async def test_takes_a_key_with_its_scope_alone(
        self, client_with: ClientWith, operation: Operation
    ):
        assert operation.scope is not None
        answer = await operation.call(await client_with(operation.scope))
        if not answer.is_success:
            assert answer.json()["code"].endswith(operation.refusal)

    async def test_refuses_the_operator(self, operator: httpx2.AsyncClient, operation: Operation):
        problem_of(await operation.call(operator), 403, "permission_denied")


@pytest.mark.parametrize("operation", OF_THE_OPERATOR, ids=str)
class TestEveryOperationOfTheOperator:
    async def test_refuses_a_key_of_all_scopes(self, business: Business, operation: Operation):
        problem_of(await operation.call(business.http), 403, "permission_denied")

    async def test_takes_the_operators_key(
        self, operator: httpx2.AsyncClient, operation: Operation
    ):
        assert (await operation.call(operator)).status_code in {200, 201, 404}


class TestKey:
    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Bearer ", "Bearer x", "Basic {key}", "{key}", "Bearer {key}x", "Bearer  ộ"],
    )
    async def test_that_is_none_is_refused(
        self, anonymous: httpx2.AsyncClient, business: Business, header: str
    ):
        value = header.replace("{key}", business.api_key).encode()
        answer = await anonymous.get("/v1/items", headers=[(b"Authorization", value)])
        problem_of(answer, 401, "unauthenticated")

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
    async def test_is_taken_however_the_scheme_is_written(
        self, anonymous: httpx2.AsyncClient, business: Business, scheme: str
    ):
        header = {"Authorization": f"{scheme} {business.api_key}"}
        assert (await anonymous.get("/v1/items", headers=header)).status_code == 200

    async def test_is_not_taken_from_the_query(
        self, anonymous: httpx2.AsyncClient, business: Business
    ):
        for name in ("api_key", "access_token", "key"):
            answer = await anonymous.get("/v1/items", params={name: business.api_key})
            problem_of(answer, 401, "unauthenticated")

    async def test_with_another_secret_is_refused_though_the_right_one_is_warm(
        self, anonymous: httpx2.AsyncClient, business: Business
    ):
        await business.http.get("/v1/items")
        key = KeyToken.parse(business.api_key)
        assert key is not None
        forged = KeyToken.make(key.tenant_id, key.key_id, bytes(32)).text
        answer = await anonymous.get("/v1/items", headers={"Authorization": f"Bearer {forged}"})
        problem_of(answer, 401, "unauthenticated")

    async def test_that_names_another_tenant_is_refused(
        self, anonymous: httpx2.AsyncClient, business: Business, other: Business
    ):
        key = KeyToken.parse(business.api_key)
        assert key is not None
        for forged in (
            KeyToken.make(other.tenant_id, key.key_id, bytes(32)).text,
            business.api_key.replace(business.tenant_id.hex, other.tenant_id.hex),
        ):
            answer = await anonymous.get("/v1/items", headers={"Authorization": f"Bearer {forged}"})
            problem_of(answer, 401, "unauthenticated")

    async def test_alone_says_which_tenant_is_meant(self, business: Business, other: Business):
        for name in ("X-Tenant-Id", "Sokho-Tenant", "Tenant-Id"):
            answer = await business.http.post(
                "/v1/items",
                json={"sku": name, "name": "B"},
                headers={name: str(other.tenant_id)},
            )
            assert answer.json()["tenant_id"] == str(business.tenant_id)
        assert (await other.http.get("/v1/items")).json() == []
