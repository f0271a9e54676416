"""A business, and when its name is valid."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text

NAME_LENGTH: Final = 255

_NAME = Text(
    vi="Tên doanh nghiệp phải có từ 1 đến {most} ký tự in được.",
    en="The name of a business has 1 to {most} printable characters.",
).format(most=NAME_LENGTH)


class TenantState(StrEnum):
    """Whether a business may use the service."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One business: everything else belongs to exactly one of them."""

    id: UUID
    name: str
    state: TenantState = TenantState.ACTIVE
    created_at: datetime

    @classmethod
    def create(cls, *, id: UUID, name: str, now: datetime) -> Self:
        """Return a new business; raises `InvalidError` when its name does not fit."""
        name = name.strip()
        if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
            raise InvalidError(FieldError("/name", "invalid", _NAME))
        return cls(id=id, name=name, created_at=now)
