"""Hooks of schemathesis.toml: what no configuration can say.

They keep a run from taking its own key or its own business away, and from asking for the answer
to an earlier request where a new one is meant; and they let it receive goods that there are.
"""

import os
import re
from functools import cache
from typing import Any, Final
from uuid import uuid4

import httpx2
import schemathesis

_OWN: Final = {*os.environ["SOKHO_API_KEY"].split("_")[1:3]}
_WITHDRAWING: Final = {
    "delete_api_key": "key_id",
    "rotate_api_key": "key_id",
    "suspend_tenant": "tenant_id",
}
_MAKING: Final = {"post_api_key": "key_id", "post_tenant": "tenant_id"}

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
    if _operation_id(case) == "post_stock_transaction" and body.get("type") == "receipt":
        _aim(body.get("lines"), str(case.operation.base_url))
    if _VALID_KEY.fullmatch(str((case.headers or {}).get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid4())


def _aim(lines: object, base_url: str) -> None:
    """Let well-formed lines of a receipt be of an item and a place of the business."""
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and _WHOLE.fullmatch(str(line.get("quantity"))):
            known = _of_the_business(base_url)
            line.clear()
            line.update(known)


@cache
def _of_the_business(base_url: str) -> dict[str, str]:
    """Return a line that can be posted: of an item made for it, to the first warehouse."""
    headers = {"Authorization": f"Bearer {os.environ['SOKHO_API_KEY']}"}
    with httpx2.Client(base_url=base_url, headers=headers) as client:
        client.post("/v1/items", json={"sku": _SKU, "name": _SKU})
        (warehouse,) = client.get("/v1/locations", params={"code": "KHO"}).json()
    return {"sku": _SKU, "quantity": "1", "to_location_id": warehouse["id"]}


def _operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId"))
