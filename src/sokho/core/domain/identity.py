"""Who is calling, and the port through which a credential is verified."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.errors import DomainError, PermissionDeniedError
from sokho.core.domain.scopes import Scope
from sokho.core.domain.texts import Text


@dataclass(frozen=True)
class Principal:
    """A business's API key, once its secret has been verified."""

    tenant_id: UUID
    key_id: UUID
    scopes: frozenset[Scope]

    @cached_property
    def actor(self) -> str:
        """How events name this caller."""
        return f"api_key:{self.key_id}"

    def require(self, scope: str) -> None:
        """Raise `PermissionDeniedError` unless the key holds `scope`."""
        if scope not in self.scopes:
            raise PermissionDeniedError(scope)


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever holds the operator's key: runs the service, belongs to no business."""

    @property
    def actor(self) -> str:
        """How events name this caller."""
        return "operator"


class Origin(Struct, frozen=True):
    """Where a change comes from: who did it, for whom, and in which request.

    `on_behalf_of` is what the caller's program says of its own user: recorded, never trusted.
    """

    actor: str
    on_behalf_of: str | None = None
    request_id: str | None = None
    """A UUID in its text form."""


COMMAND_LINE: Final = Origin("command_line")
HOUSEKEEPING: Final = Origin("housekeeping")
"""The service itself, when it does what is due."""


class UnauthenticatedError(DomainError):
    """No credential, or one that is unknown, wrong, revoked or expired: never told which."""

    code = "unauthenticated"
    text = Text(
        vi="Thiếu khóa API hoặc khóa API không hợp lệ.",
        en="The API key is missing or not valid.",
    )


class TenantSuspendedError(DomainError):
    """The credential is right, but the operator has suspended the business."""

    code = "tenant_suspended"
    text = Text(
        vi="Doanh nghiệp này đang bị tạm ngưng.",
        en="This business is suspended.",
    )


class Authenticator(ABC):
    """Turns a bearer token into whoever it stands for."""

    @abstractmethod
    async def authenticate(self, token: str) -> Principal | Operator:
        """Verify `token`.

        Raises `UnauthenticatedError`, or `TenantSuspendedError` once the secret itself
        has proved right.
        """
