"""The keys that callers show, and how the OpenAPI document tells of them."""

from typing import Final

from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from sokho.core.infrastructure.http.headers import lines_of, short_text


class BearerKey(SecurityBase):
    """The key of ``Authorization: Bearer …`` (RFC 6750)."""

    def __init__(self, scheme_name: str, form: str, description: str) -> None:
        self.scheme_name = scheme_name
        self.model = BearerScheme(bearerFormat=form, description=description)

    async def __call__(self, request: Request) -> str | None:
        """Return the key of a request, or None where it has none, or more than one."""
        given = lines_of(request.scope, "authorization")
        if len(given) != 1:
            return None  # of two, a proxy might have meant the other
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


API_KEY: Final = BearerKey(
    "ApiKey",
    "sokho_…",
    "The API key of one business; it also says which business is meant. "
    "What it may do are its scopes: each operation names the one that it needs.",
)
OPERATOR_KEY: Final = BearerKey(
    "OperatorKey",
    "sokhoop_…",
    "The key of whoever runs the service. It belongs to no business: the operations of a "
    "business refuse it.",
)

ACTOR_LENGTH: Final = 128


def acting_for(request: Request) -> str | None:
    """Return for whom the caller says that it acts, by ``Sokho-Actor``: recorded, never trusted.

    Raises `InvalidError`.
    """
    return short_text(request, "Sokho-Actor", ACTOR_LENGTH)
