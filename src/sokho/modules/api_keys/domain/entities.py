"""An API key as it is stored: never its secret, only a keyed hash."""

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from sokho.core.domain.errors import FieldError, InvalidError, PermissionDeniedError
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.domain.texts import Text

NAME_LENGTH: Final = 100

LONGEST_OVERLAP: Final = 7 * 24 * 60 * 60
"""Seconds for which a key may be served beside its successor."""

_NAME = Text(
    vi="Tên khóa phải có từ 1 đến {most} ký tự in được.",
    en="The name of a key has 1 to {most} printable characters.",
).format(most=NAME_LENGTH)
_SCOPES = Text(vi="Khóa phải có ít nhất một quyền.", en="A key needs at least one scope.")
_EITHER = Text(
    vi="Hãy chọn vai trò hoặc danh sách quyền, không phải cả hai.",
    en="Give a role or scopes, not both.",
)
_PAST = Text(vi="Thời điểm này đã qua.", en="This instant has passed.")


@dataclass(frozen=True, slots=True)
class Pepper:
    """The service's own part in every key's hash: a stolen table alone verifies nothing."""

    id: str
    key: bytes

    def hash(self, token: str) -> bytes:
        """Return HMAC-SHA256 of the whole token: 32 bytes."""
        return hmac.digest(self.key, token.encode(), "sha256")


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key of one business, and what it may do."""

    tenant_id: UUID
    id: UUID
    name: str
    secret_hash: bytes
    pepper_id: str
    scopes: tuple[Scope, ...]
    role: Role | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_at: datetime | None = None
    last_used_at: datetime | None = None
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
        scopes: Iterable[Scope] | None = None,
        role: Role | None = None,
        expires_at: datetime | None = None,
        now: datetime,
    ) -> Self:
        """Return a new key, with a role's scopes or with some by themselves.

        Raises `InvalidError` naming every field at fault.
        """
        name = name.strip()
        errors = []
        if role is not None and scopes is not None:
            errors.append(FieldError("/role", "invalid", _EITHER))
        granted = role.scopes if role is not None else frozenset(scopes or ())
        if expires_at is not None and expires_at <= now:
            errors.append(FieldError("/expires_at", "in_past", _PAST))
        if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
            errors.append(FieldError("/name", "invalid", _NAME))
        if not granted:
            errors.append(FieldError("/scopes", "too_short", _SCOPES))
        if errors:
            raise InvalidError(*errors)
        return cls(
            tenant_id=tenant_id,
            id=id,
            name=name,
            secret_hash=pepper.hash(token),
            pepper_id=pepper.id,
            scopes=tuple(sorted(granted)),
            role=role,
            expires_at=expires_at,
            created_at=now,
        )

    def manages_keys(self, now: datetime) -> bool:
        """Whether this key can make others, and will go on doing so: it is not being replaced."""
        return Scope.KEYS_MANAGE in self.scopes and self.is_active(now) and self.replaced_at is None

    def is_active(self, now: datetime) -> bool:
        """Whether the key is served."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def replaced(self, *, overlap: timedelta, now: datetime) -> Self:
        """Return the key as it is once it has a successor: served for `overlap` more, at most."""
        end = now + overlap
        if self.expires_at is not None:
            end = min(end, self.expires_at)
        revoked_at = now if end <= now else None
        return replace(self, replaced_at=now, expires_at=end, revoked_at=revoked_at)

    def require_grantable_by(self, granter: Collection[Scope] | None) -> None:
        """Raise `PermissionDeniedError` where the key may more than `granter`.

        None stands for whoever runs the service, who may grant anything.
        """
        if granter is not None and (beyond := set(self.scopes).difference(granter)):
            raise PermissionDeniedError(min(beyond))
