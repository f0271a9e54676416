"""Problem responses (RFC 9457): every 4xx and 5xx, in the caller's language.

The one table from a family of domain errors to a status stands here.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sokho.core.application.dto import MOST_ERRORS
from sokho.core.domain.errors import (
    ConflictError,
    DomainError,
    FieldError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
)
from sokho.core.domain.identity import TenantSuspendedError, UnauthenticatedError
from sokho.core.domain.texts import DEFAULT_LANGUAGE, Language, Text
from sokho.core.infrastructure.database import OverloadedError
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.errors import (
    BodyTooLargeError,
    CrossOriginRefusedError,
    InvalidCursorError,
    MalformedJsonError,
    MalformedRequestError,
    PreconditionRequiredError,
    RateLimitedError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from sokho.core.infrastructure.http.idempotency import IdempotencyKeyRequiredError
from sokho.core.infrastructure.http.validation import field_errors

_STATUS_OF_FAMILY: Final[Mapping[type[DomainError], int]] = {
    MalformedRequestError: 400,
    MalformedJsonError: 400,
    InvalidCursorError: 400,
    IdempotencyKeyRequiredError: 400,
    UnauthenticatedError: 401,
    TenantSuspendedError: 403,
    CrossOriginRefusedError: 403,
    PermissionDeniedError: 403,
    NotFoundError: 404,
    RequestTimeoutError: 408,
    ConflictError: 409,
    PreconditionFailedError: 412,
    BodyTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    InvalidError: 422,
    PreconditionRequiredError: 428,
    RateLimitedError: 429,
    OverloadedError: 503,
}

HEADERS_OF_STATUS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": 'Bearer realm="sokho"'},
    408: {"Connection": "close"},
    503: {"Retry-After": "1"},
}

_MISSING_SCOPE: Final = Text(
    vi="Khóa API thiếu quyền {scope}.", en="The API key lacks the scope {scope}."
)

INTERNAL_ERROR: Final = (
    "internal_error",
    Text(
        vi="Đã xảy ra lỗi ngoài dự kiến; hãy cho chúng tôi biết mã yêu cầu.",
        en="Something unexpected went wrong; please tell us the request id.",
    ),
)

# What Starlette itself raises, and what any other status would be called.
_CODES: Final[Mapping[int, tuple[str, Text]]] = {
    404: (NotFoundError.code, NotFoundError.text),
    405: (
        "method_not_allowed",
        Text(
            vi="Địa chỉ này không hỗ trợ phương thức đã gọi.",
            en="This address does not support the method.",
        ),
    ),
    500: INTERNAL_ERROR,
}


def problem(
    scope: Any,
    status: int,
    code: str,
    title: Text,
    *,
    detail: Text | None = None,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem response. Nothing in it repeats what the caller sent."""
    language = preferred_language(scope)
    request_id = RequestContext.of(scope).request_id
    body = problem_body(
        status,
        code,
        title.in_language(language),
        (detail or title).in_language(language),
        request_id,
    )
    listed = [
        {
            "pointer": error.pointer,
            "code": error.code,
            "detail": error.text.in_language(language),
            **error.more,
        }
        for error in islice(errors, MOST_ERRORS)
    ]
    if listed:
        body["errors"] = listed
    return Response(
        msgspec.json.encode(body),
        status,
        {
            "Content-Language": language,
            **HEADERS_OF_STATUS.get(status, {}),
            **(headers or {}),
        },
        media_type="application/problem+json",
    )


def problem_body(
    status: int, code: str, title: str, detail: str, request_id: str
) -> dict[str, object]:
    """Return the members that every problem has (RFC 9457, section 3)."""
    return {
        "type": f"urn:sokho:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{request_id}",
        "code": code,
        "request_id": request_id,
    }


def status_of(error: type[DomainError]) -> int:
    """Return the status that a kind of domain error is answered with."""
    return next(
        _STATUS_OF_FAMILY[family] for family in error.__mro__ if family in _STATUS_OF_FAMILY
    )


def answer_to(scope: Any, error: Exception) -> Response:
    """Return the problem response to whatever a route raised.

    What nobody foresaw is a 500 that tells nothing; the log knows more.
    """
    if isinstance(error, RequestValidationError):
        error = InvalidError(*field_errors(error.errors()))
    if isinstance(error, DomainError):
        return _answer_to_domain_error(scope, error)
    if isinstance(error, HTTPException) and error.status_code in _CODES:
        code, title = _CODES[error.status_code]
        return problem(scope, error.status_code, code, title, headers=error.headers)
    return problem(scope, 500, *_CODES[500])


def is_foreseen(error: Exception) -> bool:
    """Whether an error is an answer in itself and needs no traceback in the log."""
    if isinstance(error, HTTPException):
        return error.status_code in _CODES
    return isinstance(error, DomainError | RequestValidationError)


def preferred_language(scope: Any) -> Language:
    """Return English where Accept-Language ranks it above Vietnamese, else Vietnamese."""
    weights = {"vi": 0.0, "en": 0.0}
    for name, value in scope["headers"]:
        if name != b"accept-language":
            continue
        for part in value.decode("latin-1").split(","):
            tag, _, parameter = part.partition(";")
            language = tag.strip().lower().partition("-")[0]
            if language in weights:
                weights[language] = max(weights[language], _weight(parameter))
    return "en" if weights["en"] > weights["vi"] else DEFAULT_LANGUAGE


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().lower().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _answer_to_domain_error(scope: Any, error: DomainError) -> Response:
    detail = None
    if isinstance(error, PermissionDeniedError) and error.scope is not None:
        detail = _MISSING_SCOPE.format(scope=error.scope)
    headers = None
    if isinstance(error, RateLimitedError):
        headers = {"Retry-After": str(error.retry_after)}
    status = status_of(type(error))
    return problem(
        scope, status, error.code, error.text, detail=detail, errors=error.errors, headers=headers
    )
