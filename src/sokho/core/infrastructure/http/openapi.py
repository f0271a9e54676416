"""Which problem responses an operation has, for its entry in the OpenAPI document."""

from collections import defaultdict
from typing import Any, Final

from sokho.core.domain.errors import DomainError, InvalidError, PermissionDeniedError
from sokho.core.domain.identity import TenantSuspendedError, UnauthenticatedError
from sokho.core.infrastructure.database import OverloadedError
from sokho.core.infrastructure.http.errors import (
    BodyTooLargeError,
    MalformedJsonError,
    UnsupportedMediaTypeError,
)
from sokho.core.infrastructure.http.problems import status_of

_OF_EVERY_OPERATION: Final[tuple[type[DomainError], ...]] = (
    UnauthenticatedError,
    PermissionDeniedError,
    TenantSuspendedError,
    InvalidError,
    OverloadedError,
)

READS_BODY: Final[tuple[type[DomainError], ...]] = (
    MalformedJsonError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
)
"""What can be wrong with a body, for `problems`."""

_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Return a route's ``responses``: its own errors and those of every operation, by status."""
    codes: dict[int, list[str]] = defaultdict(list)
    for error in (*errors, *_OF_EVERY_OPERATION):
        codes[status_of(error)].append(error.code)
    codes[500] = ["internal_error"]
    return {
        status: {
            "description": ", ".join(f"`{code}`" for code in names),
            "content": {"application/problem+json": {"schema": _SCHEMA}},
        }
        for status, names in sorted(codes.items())
    }
