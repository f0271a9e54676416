"""The OpenAPI document: what operations answer beside their bodies, and what FastAPI leaves out."""

from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from sokho.core.application.dto import Problem
from sokho.core.application.instants import INSTANT_LENGTH
from sokho.core.domain.errors import DomainError, InvalidError, PermissionDeniedError
from sokho.core.domain.identity import TenantSuspendedError, UnauthenticatedError
from sokho.core.domain.paging import MAX_LIMIT
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
from sokho.core.infrastructure.http.links import add_links
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


def _short_text(most: int) -> dict[str, Any]:
    """Describe a header of printable characters: what RFC 9110, 5.5, recommends of them."""
    printable = "^[!-~]([ -~]*[!-~])?$"
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": printable}


_ACTOR: Final = {
    "name": "Sokho-Actor",
    "in": "header",
    "required": False,
    "description": "For whom the key acts: recorded in the audit log, never trusted.",
    "schema": _short_text(ACTOR_LENGTH),
    "example": "nv-042",
}
_LENGTH_OF_FORMAT: Final = {"uuid": 36, "date-time": INSTANT_LENGTH}
_IDEMPOTENCY_KEY: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of the caller's, new for each thing to be done. A request that is "
    "sent again with it is done once and answered the same, for 7 days.",
    "schema": _short_text(KEY_LENGTH),
    "example": "5f0c4f0e-2d51-4c8e-9a56-0c7f8a0f2b11",
}
_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
_REQUEST_ID: Final = "019a9f2c-6a31-7c55-b3ad-6f8d2f0c4e11"


_ERRORS: Final[Mapping[str, Any]] = {
    "validation_failed": {
        "errors": [{"pointer": "/name", "code": "too_short", "detail": "Độ dài phải từ 1 ký tự."}]
    },
    "insufficient_stock": {
        "errors": [
            {
                "pointer": "/lines/0",
                "code": "insufficient_stock",
                "detail": "Cần 12, chỉ còn 5.",
                "item_id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
                "location_id": "019a9f2c-7b41-7c90-8a52-64e1c0b7d310",
                "requested": "12",
                "available": "5",
            }
        ]
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


def _header(description: str, example: str | int, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": schema, "example": example}


def _text_header(description: str, example: str, pattern: str, most: int) -> dict[str, Any]:
    return _header(description, example, type="string", pattern=pattern, maxLength=most)


def _always(description: str, status: int) -> dict[str, Any]:
    """Describe the one header that every refusal of a status has."""
    [value] = HEADERS_OF_STATUS[status].values()
    return _header(description, value, type="string", const=value)


REQUEST_ID: Final = _header(
    "The request's id, for questions about it.", _REQUEST_ID, type="string", format="uuid"
)
ETAG: Final = {
    "ETag": _text_header("The validator of this state, for `If-Match`.", '"3"', '^"[0-9a-f]+"$', 34)
}
_RETRY_AFTER: Final = _header(
    "Seconds to wait before the next attempt.", 1, type="integer", minimum=1, maximum=3_600
)
_REPLAYED: Final = {
    REPLAYED: _header(
        "Given where an earlier answer is told again.", "true", type="string", const="true"
    )
}
LIST_HEADERS: Final = {
    "Link": _text_header(
        "Where the next page is, if there is one (RFC 8288).",
        '</v1/items?sort=id&limit=100&cursor=D1lrZaHipoBcx87HFY2>; rel="next"',
        '^<[^>]+>; rel="next"$',
        8_192,
    ),
    "Sokho-Sync-Watermark": _header(
        "When the scan began, less a minute. Where a list takes `updated_since`, send it as the "
        "next one: rows may repeat, none is missed.",
        "2026-03-01T05:00:00.000000Z",
        type="string",
        format="date-time",
    ),
}
_OF_PROBLEMS: Final[Mapping[int, Headers]] = {
    401: {"WWW-Authenticate": _always("What kind of key is needed (RFC 6750).", 401)},
    408: {"Connection": _always("No other request is read from this connection.", 408)},
    429: {"Retry-After": _RETRY_AFTER},
    503: {"Retry-After": _RETRY_AFTER},
}
RATE_LIMIT: Final = {
    "RateLimit-Policy": _text_header(
        "How many requests (`q`) the key may send in a time (`w` seconds), at each process.",
        '"default";q=30000;w=60',
        r'^"default";q=\d+;w=\d+$',
        64,
    ),
    "RateLimit": _text_header(
        "How many are left (`r`), and after how many seconds (`t`) all are there again.",
        '"default";r=29987;t=42',
        r'^"default";r=\d+;t=\d+$',
        64,
    ),
}
NOT_MODIFIED: Final[Responses] = {
    304: {"description": "`If-None-Match` names the present state.", "headers": ETAG}
}


def location(example: str) -> dict[str, dict[str, Any]]:
    """Return the header that tells where a new resource is."""
    return {"Location": _text_header("Where the new resource is.", example, "^/v1/[^ ]+$", 512)}


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
            "headers": dict(_OF_PROBLEMS.get(status, {})),
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
    add_links(document.get("paths", {}))
    _bound(document)


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
        for media_type in response.get("content", {}).values():
            if media_type["schema"].get("type") == "array":  # a page of a list
                media_type["schema"]["maxItems"] = MAX_LIMIT
    for parameter in operation.get("parameters", []):
        kinds = [kind for kind in parameter["schema"].pop("anyOf", []) if kind != {"type": "null"}]
        if len(kinds) == 1:  # a parameter is left out, never null
            parameter["schema"] |= kinds[0]
        elif kinds:
            parameter["schema"]["anyOf"] = kinds
        if parameter["name"] == "If-Match":
            parameter["required"] = str(status_of(PreconditionRequiredError)) in responses


def _bound(part: Any) -> None:
    """Tell the bounds that follow from a format, and the format that follows from bounds."""
    if isinstance(part, list):
        for each in part:
            _bound(each)
    if not isinstance(part, dict):
        return
    if part.get("type") == "string" and part.get("format") in _LENGTH_OF_FORMAT:
        part.setdefault("maxLength", _LENGTH_OF_FORMAT[part["format"]])
    elif part.get("type") == "integer":
        part.setdefault("format", "int32" if part.get("maximum", 2**31) < 2**31 else "int64")
    for each in part.values():
        _bound(each)
