"""Hooks of schemathesis.toml: what no configuration can say.

They keep a run from taking its own key or its own business away, and from asking for the answer
to an earlier request where a new one is meant.
"""

import os
import re
from typing import Any, Final
from uuid import uuid4

import schemathesis

_OWN: Final = {*os.environ["SOKHO_API_KEY"].split("_")[1:3]}
_WITHDRAWING: Final = {
    "delete_api_key": "key_id",
    "rotate_api_key": "key_id",
    "suspend_tenant": "tenant_id",
}
_MAKING: Final = {"post_api_key": "key_id", "post_tenant": "tenant_id"}

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
    if _VALID_KEY.fullmatch(str((case.headers or {}).get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid4())


def _operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId"))
