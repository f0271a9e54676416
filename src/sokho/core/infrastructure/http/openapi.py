"""The OpenAPI document: what operations answer beside their bodies, and what FastAPI leaves out."""

from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from sokho.core.application.dto import Problem
from sokho.core.domain.errors import DomainError, InvalidError, PermissionDeniedError
from sokho.core.domain.identity import TenantSuspendedError, UnauthenticatedError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import OverloadedError
from sokho.core.infrastructure.http.body import JSON, MERGE_PATCH
from sokho.core.infrastructure.http.credentials import ACTOR_LENGTH, API_KEY, OPERATOR_KEY
from sokho.core.infrastructure.http.errors import (
    BodyTooLargeError,
    MalformedJsonError,
    PreconditionRequiredError,
    RateLimitedError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from sokho.core.infrastructure.http.idempotency import (
    HEADER,
    KEY_LENGTH,
    REPLAYED,
    IdempotencyKeyRequiredError,
)
from sokho.core.infrastructure.http.problems import (
    HEADERS_OF_STATUS,
    INTERNAL_ERROR,
    problem_body,
    status_of,
)

Responses = dict[int | str, dict[str, Any]]
Headers = Mapping[str, dict[str, Any]]

_OF_EVERY_OPERATION: Final[tuple[type[DomainError], ...]] = (
    UnauthenticatedError,
    PermissionDeniedError,
    TenantSuspendedError,
    InvalidError,
    RateLimitedError,
    OverloadedError,
)

READS_BODY: Final[tuple[type[DomainError], ...]] = (
    MalformedJsonError,
    RequestTimeoutError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
)
"""What can be wrong with a body, for `problems`."""

_ACTOR: Final = {
    "name": "Sokho-Actor",
    "in": "header",
    "required": False,
    "description": "For whom the key acts: recorded in the audit log, never trusted.",
    "schema": {"type": "string", "minLength": 1, "maxLength": ACTOR_LENGTH},
    "example": "nv-042",
}
_IDEMPOTENCY_KEY: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of the caller's, new for each thing to be done. A request that is "
    "sent again with it is done once and answered the same, for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
    "example": "5f0c4f0e-2d51-4c8e-9a56-0c7f8a0f2b11",
}
_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
_REQUEST_ID: Final = "019a9f2c-6a31-7c55-b3ad-6f8d2f0c4e11"


_HEADERS_OF_PROBLEMS: Final = {**HEADERS_OF_STATUS, 429: {"Retry-After": "42"}}

_ERRORS: Final[Mapping[str, Any]] = {
    "validation_failed": {
        "errors": [{"pointer": "/name", "code": "too_short", "detail": "Độ dài phải từ 1 ký tự."}]
    },
    "duplicate_sku_in_batch": {
        "errors": [
            {
                "pointer": "/items/5/sku",
                "code": "duplicate_sku_in_batch",
                "detail": "Một mã hàng (SKU) xuất hiện hai lần trong danh sách gửi lên.",
            }
        ]
    },
}


def _header(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


REQUEST_ID: Final = _header("The request's id, for questions about it.", _REQUEST_ID)
ETAG: Final = {"ETag": _header("The validator of this state, for `If-Match`.", '"3"')}
_REPLAYED: Final = {REPLAYED: _header("Given where an earlier answer is told again.", "true")}
LIST_HEADERS: Final = {
    "Link": _header(
        "Where the next page is, if there is one (RFC 8288).",
        '</v1/items?sort=id&limit=100&cursor=D1lrZaHipoBcx87HFY2>; rel="next"',
    ),
    "Sokho-Sync-Watermark": _header(
        "When the scan began, less a minute. Where a list takes `updated_since`, send it as the "
        "next one: rows may repeat, none is missed.",
        "2026-03-01T05:00:00.000000Z",
    ),
}
RATE_LIMIT: Final = {
    "RateLimit-Policy": _header(
        "How many requests (`q`) the key may send in a time (`w` seconds), at each process.",
        '"default";q=30000;w=60',
    ),
    "RateLimit": _header(
        "How many are left (`r`), and after how many seconds (`t`) all are there again.",
        '"default";r=29987;t=42',
    ),
}
NOT_MODIFIED: Final[Responses] = {
    304: {"description": "`If-None-Match` names the present state.", "headers": ETAG}
}


def location(example: str) -> dict[str, dict[str, Any]]:
    """Return the header that tells where a new resource is."""
    return {"Location": _header("Where the new resource is.", example)}


def answers(status: int, headers: Headers) -> Responses:
    """Return the headers of a route's answer, for its ``responses``."""
    return {status: {"headers": dict(headers)}}


def problems(*errors: type[DomainError]) -> Responses:
    """Return a route's ``responses``: its own errors and those of every operation, by status."""
    texts: dict[int, dict[str, Text]] = defaultdict(dict)
    for error in (*errors, *_OF_EVERY_OPERATION):
        texts[status_of(error)][error.code] = error.text
    internal_error, text = INTERNAL_ERROR
    texts[500] = {internal_error: text}
    return {
        status: {
            "description": ", ".join(f"`{code}`" for code in by_code),
            "headers": {
                name: _header("", value)
                for name, value in _HEADERS_OF_PROBLEMS.get(status, {}).items()
            },
            "content": {
                "application/problem+json": {
                    "schema": _SCHEMA,
                    "examples": {
                        code: {
                            "summary": text.en,
                            "value": problem_body(status, code, text.vi, text.vi, _REQUEST_ID)
                            | _ERRORS.get(code, {}),
                        }
                        for code, text in by_code.items()
                    },
                }
            },
        }
        for status, by_code in sorted(texts.items())
    }


def complete(document: dict[str, Any]) -> None:
    """Add to a document what no route of FastAPI's brings.

    The schema of problems, both kinds of keys, where If-Match is needed, the Idempotency-Key of
    a POST, and that a merge patch may also be sent as plain JSON.
    """
    _, schemas = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas["$defs"])
    for key in (API_KEY, OPERATOR_KEY):
        described = key.model.model_dump(mode="json", by_alias=True, exclude_none=True)
        components.setdefault("securitySchemes", {})[key.scheme_name] = described
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            if method != "get":
                operation.setdefault("parameters", []).append(_ACTOR)
            if method == "post":
                _tell_of_idempotency(operation)
            _complete(operation)


def _tell_of_idempotency(operation: dict[str, Any]) -> None:
    bad_requests = operation["responses"].get("400", {}).get("description", "")
    is_required = IdempotencyKeyRequiredError.code in bad_requests
    operation["parameters"].append(_IDEMPOTENCY_KEY | {"required": is_required})
    for status, response in operation["responses"].items():
        if int(status) < HTTPStatus.MULTIPLE_CHOICES:
            response.setdefault("headers", {}).update(_REPLAYED)


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"] = dict(sorted(operation["responses"].items()))
    content = operation.get("requestBody", {}).get("content", {})
    if MERGE_PATCH in content:
        content[JSON] = content[MERGE_PATCH]
    is_limited = any(API_KEY.scheme_name in needed for needed in operation.get("security", ()))
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = REQUEST_ID
        if is_limited and status != "401":
            headers.update(RATE_LIMIT)
    for parameter in operation.get("parameters", []):
        kinds = [kind for kind in parameter["schema"].pop("anyOf", []) if kind != {"type": "null"}]
        if len(kinds) == 1:  # a parameter is left out, never null
            parameter["schema"] |= kinds[0]
        elif kinds:
            parameter["schema"]["anyOf"] = kinds
        if parameter["name"] == "If-Match":
            parameter["required"] = str(status_of(PreconditionRequiredError)) in responses
