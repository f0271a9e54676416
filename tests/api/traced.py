"""Every operation that changes something, as a business calls it, and what it leaves in the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2

from sokho.core.infrastructure.database import Database
from sokho.modules.api_keys.domain.tokens import KeyToken
from tests.api.documented import DOCUMENTED, Documented
from tests.conftest import OPERATOR_KEY
from tests.recorded import Recorded

Changes = Mapping[str, object]
State = dict[str, Any]
Connect = Callable[[str], httpx2.AsyncClient]
"""Makes a client that holds a key."""

ACTOR: Final = "nv-042 Nguyễn Thị Lan"
"""Whom the calls are made for: a person's name, which no event may have."""

KEY_NAME: Final = "máy của Trần Văn Tám"

_DOCUMENTS: Final = "/v1/stock/transactions"
_COUNTS: Final = "/v1/stock/counts"
_COUNT: Final = _COUNTS + "/{count_id}"
RECEIPT: Final = {
    "type": "receipt",
    "lines": [{"sku": "GIỮ", "quantity": "1", "to_location_id": "{kept_location_id}"}],
}

_RESERVATIONS: Final = "/v1/stock/reservations"
RESERVATION: Final = {
    "lines": [{"sku": "GIỮ", "quantity": "1", "location_id": "{kept_location_id}"}],
    "expires_in_seconds": 3_600,
}

_UNCHANGING: Final = {"id", "tenant_id", "created_at", "updated_at"}


@dataclass(frozen=True)
class Shop:
    """A service with an operator, a business with one of everything, and its log."""

    database: Database
    http: httpx2.AsyncClient
    operator: httpx2.AsyncClient
    tenant_id: UUID
    api_key: str
    places: Mapping[str, str]
    log: Recorded
    secrets: list[str] = field(default_factory=list)
    """Every token that an answer has shown."""
    answers: list[httpx2.Response] = field(default_factory=list)

    @classmethod
    async def opened(cls, database: Database, connect: Connect) -> "Shop":
        """Open a business by the operator's key, and put one of everything into it."""
        operator = connect(OPERATOR_KEY)
        answer = await operator.post("/v1/admin/tenants", json={"name": "Quán"})
        opened = answer.json()
        http = connect(opened["api_key"])
        places = {"tenant_id": opened["id"], "code": "kg", "unit": "thùng"}
        tenant_id = UUID(opened["id"])
        log = Recorded(database, tenant_id)
        shop = cls(database, http, operator, tenant_id, opened["api_key"], places, log)
        shop.heard(answer)
        item = await shop.call("POST", "/v1/items", {"sku": "S", "name": "N"})
        key = await shop.call("POST", "/v1/api-keys", {"name": KEY_NAME, "role": "viewer"})
        shelf = {"code": "K", "name": "Kệ", "kind": "warehouse"}
        location = await shop.call("POST", "/v1/locations", shelf)
        made = {"item_id": item, "key_id": key, "location_id": location}
        places |= {name: answer.json()["id"] for name, answer in made.items()}
        await shop.call("PUT", "/v1/items/{item_id}/conversions/thùng", {"numerator": 12})
        # What has stock is not deleted any more.
        await shop.call("POST", "/v1/items", {"sku": "GIỮ", "name": "N"})
        kept = await shop.call("POST", "/v1/locations", shelf | {"code": "G"})
        places["kept_location_id"] = kept.json()["id"]
        posted = await shop.call("POST", _DOCUMENTS, RECEIPT)
        places["transaction_id"] = posted.json()["id"]
        opened = await shop.call("POST", _COUNTS, {"location_id": "{kept_location_id}"})
        places["count_id"] = opened.json()["id"]
        await shop.call("POST", _DOCUMENTS, RECEIPT)
        reserved = await shop.call("POST", _RESERVATIONS, RESERVATION)
        places["reservation_id"] = reserved.json()["id"]
        await log.new()
        return shop

    @property
    def actor(self) -> str:
        """How events name the business's own key."""
        token = KeyToken.parse(self.api_key)
        assert token is not None
        return f"api_key:{token.key_id}"

    async def call(
        self, method: str, path: str, body: object = None, *, actor: str = ACTOR, **headers: str
    ) -> httpx2.Response:
        """Call an operation with a valid key of whoever may, for somebody."""
        given = {"If-Match": "*", "Sokho-Actor": actor, **headers}
        if path.startswith("/v1/stock/") and method == "POST":
            given.setdefault("Idempotency-Key", str(uuid4()))
        of_operator = path.startswith("/v1/admin")
        answer = await (self.operator if of_operator else self.http).request(
            method,
            path.format(**self.places),
            json=filled(body, self.places),
            headers=[(name.encode(), value.encode()) for name, value in given.items()],
        )
        return self.heard(answer)

    def heard(self, answer: httpx2.Response) -> httpx2.Response:
        """Keep an answer, and the secret that it shows."""
        self.answers.append(answer)
        if answer.status_code == 201 and "api_key" in answer.json():
            self.secrets.append(answer.json()["api_key"])
        return answer

    async def get(self, path: str) -> State:
        return state_of(await self.call("GET", path))


@dataclass(frozen=True)
class Trace:
    """A call that succeeds, and the events that it leaves: type, and which fields of what."""

    types: tuple[str, ...]
    body: object = None
    resource: str | None = None
    """Where the thing is read, before and after; of what is made the answer tells."""

    hidden: frozenset[str] = frozenset()
    """Fields of the answer that no event tells of."""

    idles: bool = True
    """Whether the call can be made again, and changes nothing then."""

    changes: Callable[[State], Changes] | None = None
    """What the event tells, made from the answer, where it is not field by field."""

    refused: object = None
    """A body that cannot be taken, though it is well-formed."""


_ITEM: Final = "/v1/items/{item_id}"
_CONVERSION: Final = _ITEM + "/conversions/{unit}"
_LOCATION: Final = "/v1/locations/{location_id}"
_RESERVATION: Final = _RESERVATIONS + "/{reservation_id}"
_MINIMUM: Final = "/v1/stock/minimums/{item_id}/{location_id}"
_ADMIN: Final = "/v1/admin/tenants"
_SECRET: Final = frozenset({"api_key", "name"})

TRACES: Final[dict[str, Trace]] = {
    "POST /v1/items": Trace(
        ("item.created",),
        {"sku": "A", "name": "B", "tags": ["t"], "attributes": {"a": {"b": 1}}},
        idles=False,
        refused={"sku": "S", "name": "B"},
    ),
    "POST /v1/items/batch": Trace(
        ("item.batch",),
        {"items": [{"sku": "S", "name": "M", "attributes": {"a": 1}}, {"sku": "T", "name": "T"}]},
        changes=lambda answer: {
            "created": {answer["ids"][1]: "T"},
            "updated": {
                answer["ids"][0]: {
                    "name": {"before": "N", "after": "M"},
                    "attributes": {"before": {}, "after": {"a": 1}},
                    "version": {"before": 1, "after": 2},
                }
            },
        },
        refused={"items": [{"sku": "U", "name": "U"}, {"sku": "V"}]},
    ),
    f"PATCH {_ITEM}": Trace(
        ("item.updated",),
        {"name": "M", "attributes": {"a": 1}, "unit": "cái"},
        resource=_ITEM,
        refused={"name": ""},
    ),
    f"DELETE {_ITEM}": Trace(("item.deleted",), resource=_ITEM, idles=False),
    f"PUT {_CONVERSION}": Trace(
        ("item.conversion_changed",),
        {"numerator": 24},
        changes=lambda _: {
            "thùng": {
                "before": {"numerator": 12, "denominator": 1},
                "after": {"numerator": 24, "denominator": 1},
            }
        },
        refused={"numerator": 0},
    ),
    f"DELETE {_CONVERSION}": Trace(
        ("item.conversion_changed",),
        idles=False,
        changes=lambda _: {"thùng": {"before": {"numerator": 12, "denominator": 1}, "after": None}},
    ),
    "POST /v1/units": Trace(
        ("unit.created",),
        {"code": "két", "name": "két 24", "decimals": 1},
        idles=False,
        refused={"code": "kg", "name": "x", "decimals": 0},
    ),
    "PATCH /v1/units/{code}": Trace(
        ("unit.updated",), {"name": "ký"}, resource="/v1/units/{code}", refused={"decimals": 9}
    ),
    "POST /v1/locations": Trace(
        ("location.created",),
        {"code": "L", "name": "B", "kind": "transit"},
        idles=False,
        refused={"code": "L", "name": "B", "kind": "bin"},
    ),
    f"PATCH {_LOCATION}": Trace(
        ("location.updated",),
        {"name": "M", "status": "archived"},
        resource=_LOCATION,
        refused={"name": ""},
    ),
    f"DELETE {_LOCATION}": Trace(("location.deleted",), resource=_LOCATION, idles=False),
    f"POST {_DOCUMENTS}": Trace(
        ("stock.posted",),
        RECEIPT,
        idles=False,
        changes=lambda _: {"type": {"after": "receipt"}, "lines": {"after": 1}},
        refused=RECEIPT | {"lines": []},
    ),
    f"POST {_DOCUMENTS}/{{transaction_id}}/reverse": Trace(
        ("stock.posted",),
        {"note": "nhầm"},
        idles=False,
        changes=lambda answer: {
            "type": {"after": "receipt"},
            "lines": {"after": 1},
            "reverses_id": {"after": answer["reverses_id"]},
        },
        refused={"note": 1},
    ),
    f"POST {_COUNTS}": Trace(
        ("stock.count_opened",),
        {"location_id": "{location_id}"},
        idles=False,
        changes=lambda answer: {"location_id": {"after": answer["location_id"]}},
        refused={"location_id": 1},
    ),
    f"POST {_COUNT}/lines": Trace(
        ("stock.counted",),
        {"lines": [{"sku": "GIỮ", "quantity": "1"}]},
        idles=False,
        changes=lambda _: {"lines": {"after": 1}},
        refused={"lines": []},
    ),
    f"POST {_COUNT}/post": Trace(
        ("stock.count_posted",),
        {},
        idles=False,
        changes=lambda _: {"state": {"before": "open", "after": "posted"}},
        refused={"uncounted_as_zero": 1},
    ),
    f"POST {_COUNT}/cancel": Trace(
        ("stock.count_cancelled",),
        idles=False,
        changes=lambda _: {"state": {"before": "open", "after": "cancelled"}},
    ),
    "PUT /v1/stock/period-lock": Trace(
        ("stock.period_locked",),
        {"locked_before": "2020-01-01T00:00:00Z", "version": 0},
        idles=False,  # a second one names a version that is no longer the last
        changes=lambda answer: {
            "locked_before": {"before": None, "after": answer["locked_before"]},
            "version": {"before": 0, "after": 1},
        },
        refused={"locked_before": "2999-01-01T00:00:00Z", "version": 0},
    ),
    f"POST {_RESERVATIONS}": Trace(
        ("stock.reserved",),
        RESERVATION,
        idles=False,
        changes=lambda answer: {
            "lines": {"after": 1},
            "expires_at": {"after": answer["expires_at"]},
        },
        refused=RESERVATION | {"expires_in_seconds": 0},
    ),
    f"POST {_RESERVATION}/confirm": Trace(
        ("stock.reservation_confirmed", "stock.posted"),
        {"note": "giao"},
        resource=_RESERVATION,
        idles=False,
        refused={"lines": [{"line_no": 1, "quantity": "2"}]},
    ),
    f"POST {_RESERVATION}/release": Trace(
        ("stock.reservation_released",), resource=_RESERVATION, idles=False
    ),
    f"POST {_RESERVATION}/extend": Trace(
        ("stock.reservation_extended",),
        {"expires_in_seconds": 90_000},
        resource=_RESERVATION,
        idles=False,  # it lasts from now
        refused={"expires_in_seconds": "1"},
    ),
    f"PUT {_MINIMUM}": Trace(
        ("stock.minimum_changed",),
        {"minimum": "7"},
        changes=lambda _: {"{location_id}": {"before": None, "after": "7"}},
        refused={"minimum": "0.5"},
    ),
    f"DELETE {_MINIMUM}": Trace(
        ("stock.minimum_changed",),
        idles=False,
        changes=lambda _: {"{location_id}": {"before": "7", "after": None}},
    ),
    "PATCH /v1/tenant": Trace(
        ("tenant.updated",),
        {"name": "Tiệm", "settings": {"a": 1}},
        resource="/v1/tenant",
        refused={"locale": "x"},
    ),
    "POST /v1/api-keys": Trace(
        ("api_key.created",),
        {"name": KEY_NAME, "scopes": ["items:read"]},
        hidden=_SECRET,
        idles=False,
        refused={"name": KEY_NAME, "scopes": ["items:read"], "role": "owner"},
    ),
    "DELETE /v1/api-keys/{key_id}": Trace(
        ("api_key.revoked",), resource="/v1/api-keys/{key_id}", hidden=_SECRET
    ),
    "POST /v1/api-keys/{key_id}/rotate": Trace(
        ("api_key.rotated", "api_key.created"),
        {"overlap_seconds": 60},
        resource="/v1/api-keys/{key_id}",
        hidden=_SECRET,
        idles=False,
        refused={"overlap_seconds": -1},
    ),
    f"POST {_ADMIN}": Trace(
        ("tenant.created", "location.created", "api_key.created"),
        {"name": "Tiệm", "locale": "en", "time_zone": "Asia/Tokyo"},
        hidden=frozenset({"api_key"}),
        idles=False,
        refused={"name": ""},
    ),
    f"POST {_ADMIN}/{{tenant_id}}/suspend": Trace(
        ("tenant.suspended",), resource=f"{_ADMIN}/{{tenant_id}}"
    ),
    f"POST {_ADMIN}/{{tenant_id}}/resume": Trace(
        ("tenant.resumed",), resource=f"{_ADMIN}/{{tenant_id}}"
    ),
}
"""By operation; a new one has to be added here."""

CHANGING: Final[list[Documented]] = [each for each in DOCUMENTED if each.method != "GET"]


def state_of(answer: httpx2.Response) -> State:
    """Return what an answer tells of a thing, its version too where only the ETag has it."""
    state: State = answer.json() if answer.content else {}
    version = answer.headers.get("ETag", "").strip('"')
    if version.isdigit():  # of a key the content is the validator
        state.setdefault("version", int(version))
    return state


def filled(body: Any, places: Mapping[str, str]) -> Any:
    """Return a body with the ids of what is there in place of their names in braces."""
    if isinstance(body, dict):
        return {filled(name, places): filled(value, places) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, places) for value in body]
    return body.format(**places) if isinstance(body, str) and body.startswith("{") else body


async def prepare(shop: Shop, name: str) -> None:
    """Bring a business to where the call changes something."""
    if name.endswith("/resume"):
        await shop.call("POST", _ADMIN + "/{tenant_id}/suspend")
    if name == f"DELETE {_MINIMUM}":
        await shop.call("PUT", _MINIMUM, {"minimum": "7"})
    await shop.log.new()


def created_changes(answer: State, hidden: frozenset[str]) -> Changes:
    """Return what the event of a thing that was made tells, judging by the answer."""
    shown = answer.keys() - _UNCHANGING - hidden
    return {name: {"after": answer[name]} for name in shown}


def updated_changes(before: State, after: State) -> Changes:
    """Return what the event of a thing that was changed tells, judging by two looks at it."""
    return {
        name: {"before": before[name], "after": after[name]}
        for name in before.keys() - _UNCHANGING
        if before[name] != after[name]
    }


def deleted_changes(before: State) -> Changes:
    """Return what the event of a thing that was removed tells, judging by a look before."""
    return {name: {"before": before[name]} for name in before.keys() - _UNCHANGING}
