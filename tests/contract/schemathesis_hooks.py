"""Hooks of schemathesis.toml: what no configuration can say.

They keep a run from taking its own key or its own business away, and from asking for the answer
to an earlier request where a new one is meant; and they let it receive goods that there are, and
reserve them, and say how many there should be.
"""

import os
import re
from functools import cache, partial
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import schemathesis

_OWN: Final = {*os.environ["SOKHO_API_KEY"].split("_")[1:3]}
_WITHDRAWING: Final = {
    "delete_api_key": "key_id",
    "rotate_api_key": "key_id",
    "suspend_tenant": "tenant_id",
}
_MAKING: Final = {"post_api_key": "key_id", "post_tenant": "tenant_id"}

_OF_A_RESERVATION: Final = {
    "get_stock_reservation",
    "confirm_stock_reservation",
    "release_stock_reservation",
    "extend_stock_reservation",
}
_OF_A_MINIMUM: Final = {"get_stock_minimum", "put_stock_minimum", "delete_stock_minimum"}
_PLACE: Final = ("item_id", "location_id")

_SKU: Final = "DRAWN"
_WHOLE: Final = re.compile("[1-9][0-9]{0,9}")

_VALID_KEY: Final = re.compile("[!-~]([ -~]{0,253}[!-~])?")

_made: Final = dict.fromkeys(_MAKING.values(), "00000000-0000-4000-8000-000000000000")


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Remember the last key and the last business that the run has made."""
    name = _MAKING.get(_operation_id(case))
    if name is not None and response.status_code == 201:
        _made[name] = response.json()["id"]


@schemathesis.hook
def before_call(_context: Any, case: Any, **_kwargs: Any) -> None:
    """Aim what would withdraw the run's own rights at what it has made.

    One Idempotency-Key for many bodies is answered 422 `idempotency_key_mismatch`, which would
    hide what the bodies are worth: each request gets its own.
    """
    name = _WITHDRAWING.get(_operation_id(case), "")
    drawn = str((case.path_parameters or {}).get(name))
    if drawn.replace("-", "").lower() in _OWN:
        case.path_parameters[name] = _made[name]
    body = case.body if isinstance(case.body, dict) else {}
    base_url = str(case.operation.base_url)
    if _operation_id(case) == "post_stock_transaction" and body.get("type") == "receipt":
        _aim(body.get("lines"), _a_line(base_url, "to_location_id"))
    if _operation_id(case) == "post_stock_reservation":
        _aim(body.get("lines"), _a_line(base_url, "location_id"))
    if _operation_id(case) in _OF_A_RESERVATION and _is_id(case, "reservation_id"):
        case.path_parameters["reservation_id"] = _a_reservation(base_url)
    if _operation_id(case) in _OF_A_MINIMUM and all(map(partial(_is_id, case), _PLACE)):
        case.path_parameters.update(_a_minimum(base_url))
    if _VALID_KEY.fullmatch(str((case.headers or {}).get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid4())


def _aim(lines: object, known: dict[str, str]) -> None:
    """Let well-formed lines be of an item and a place of the business."""
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and _WHOLE.fullmatch(str(line.get("quantity"))):
            line.clear()
            line.update(known)


def _a_line(base_url: str, place: str) -> dict[str, str]:
    """Return a line that can be posted: of an item made for it, at the first warehouse."""
    return {"sku": _SKU, "quantity": "1", place: _place(base_url)["location_id"]}


def _a_reservation(base_url: str) -> str:
    """Return the id of an open reservation."""
    lines = [_a_line(base_url, "location_id")]
    made = _sent(
        base_url, "POST", "/v1/stock/reservations", {"lines": lines, "expires_in_seconds": 600}
    )
    return str(made["id"])


def _a_minimum(base_url: str) -> dict[str, str]:
    """Return where a minimum is set."""
    place = _place(base_url)
    path = "/v1/stock/minimums/{item_id}/{location_id}".format(**place)
    _sent(base_url, "PUT", path, {"minimum": "7"})
    return place


@cache
def _place(base_url: str) -> dict[str, str]:
    """Return where goods lie: the ids of their item and of the first warehouse."""
    item = _sent(base_url, "POST", "/v1/items", {"sku": _SKU, "name": _SKU})
    [warehouse] = _sent(base_url, "GET", "/v1/locations?code=KHO")
    line = {"item_id": item["id"], "quantity": "1000000", "to_location_id": warehouse["id"]}
    _sent(base_url, "POST", "/v1/stock/transactions", {"type": "receipt", "lines": [line]})
    return {"item_id": item["id"], "location_id": warehouse["id"]}


def _sent(base_url: str, method: str, path: str, body: object = None) -> Any:
    headers = {
        "Authorization": f"Bearer {os.environ['SOKHO_API_KEY']}",
        "Idempotency-Key": str(uuid4()),
    }
    with httpx2.Client(base_url=base_url, headers=headers) as client:
        answer = client.request(method, path, json=body)
    return answer.raise_for_status().json()


def _is_id(case: Any, name: str) -> bool:
    try:
        UUID(str((case.path_parameters or {}).get(name)))
    except ValueError:
        return False
    return True


def _operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId"))
