"""An API key as it is stored: never its secret, only a keyed hash."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.scopes import Scope
from sokho.core.domain.texts import Text

NAME_LENGTH: Final = 100

_NAME = Text(
    vi="Tên khóa phải có từ 1 đến {most} ký tự in được.",
    en="The name of a key has 1 to {most} printable characters.",
).format(most=NAME_LENGTH)
_SCOPES = Text(vi="Khóa phải có ít nhất một quyền.", en="A key needs at least one scope.")


@dataclass(frozen=True, slots=True)
class Pepper:
    """The service's own part in every key's hash: a stolen table alone verifies nothing."""

    id: str
    key: bytes

    def hash(self, token: str) -> bytes:
        """Return HMAC-SHA256 of the whole token: 32 bytes."""
        return hmac.digest(self.key, token.encode(), "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of one business, and what it may do."""

    tenant_id: UUID
    id: UUID
    name: str
    secret_hash: bytes
    pepper_id: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    created_at: datetime

    @classmethod
    def create(
        cls,
        *,
        tenant_id: UUID,
        id: UUID,
        name: str,
        token: str,
        pepper: Pepper,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        now: datetime,
    ) -> Self:
        """Return a new key; raises `InvalidError` when its name or scopes do not fit."""
        name = name.strip()
        errors = []
        if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
            errors.append(FieldError("/name", "invalid", _NAME))
        if not scopes:
            errors.append(FieldError("/scopes", "too_short", _SCOPES))
        if errors:
            raise InvalidError(*errors)
        return cls(
            tenant_id=tenant_id,
            id=id,
            name=name,
            secret_hash=pepper.hash(token),
            pepper_id=pepper.id,
            scopes=scopes,
            expires_at=expires_at,
            created_at=now,
        )
