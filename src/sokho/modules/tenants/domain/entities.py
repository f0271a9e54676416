"""A business, and when it is valid."""

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.json_objects import are_same, merged, object_faults
from sokho.core.domain.texts import Text

NAME_LENGTH: Final = 255
DEFAULT_LOCALE: Final = "vi-VN"
DEFAULT_TIME_ZONE: Final = "Asia/Ho_Chi_Minh"

_NAME = Text(
    vi="Tên doanh nghiệp phải có từ 1 đến {most} ký tự in được.",
    en="The name of a business has 1 to {most} printable characters.",
).format(most=NAME_LENGTH)
_LOCALE = Text(
    vi="Phải là mã ngôn ngữ (BCP 47), ví dụ vi-VN hoặc en.",
    en="This must be a language tag (BCP 47), such as vi-VN or en.",
)
_TIME_ZONE = Text(
    vi="Phải là tên múi giờ (IANA), ví dụ Asia/Ho_Chi_Minh.",
    en="This must be the name of a time zone (IANA), such as Asia/Ho_Chi_Minh.",
)

# Files that a machine may have beside the zones; the first means whatever its owner chose.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})

_LANGUAGE_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)


class TenantState(StrEnum):
    """Whether a business may use the service."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class TenantChanges(TypedDict, total=False):
    """What is to become of a business; what is left out stays as it is."""

    name: str
    locale: str
    time_zone: str
    settings: Mapping[str, object] | None


class Tenant(Struct, frozen=True, kw_only=True):
    """One business: everything else belongs to exactly one of them.

    `settings` are its programs' own: the service keeps them and reads nothing in them.
    """

    id: UUID
    name: str
    state: TenantState = TenantState.ACTIVE
    locale: str = DEFAULT_LOCALE
    time_zone: str = DEFAULT_TIME_ZONE
    settings: Mapping[str, object] = field(default_factory=dict)
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(
        cls,
        *,
        id: UUID,
        name: str,
        now: datetime,
        locale: str = DEFAULT_LOCALE,
        time_zone: str = DEFAULT_TIME_ZONE,
    ) -> Self:
        """Return a new business; raises `InvalidError` naming every field at fault."""
        tenant = cls(
            id=id,
            name=name.strip(),
            locale=locale,
            time_zone=time_zone,
            created_at=now,
            updated_at=now,
        )
        return _validated(tenant)

    @property
    def tenant_id(self) -> UUID:
        """Its own id, under the name by which everything else tells whose it is."""
        return self.id

    def patch(self, *, now: datetime, **changes: Unpack[TenantChanges]) -> Self:
        """Return the business after a merge patch (RFC 7396), or itself if nothing differs.

        Raises `InvalidError` naming every field at fault.
        """
        changed: dict[str, Any] = {**changes}
        if "name" in changes:
            changed["name"] = changes["name"].strip()
        if "settings" in changes:
            patch = changes["settings"]
            changed["settings"] = merged(self.settings, patch) if patch is not None else {}
        return self._next(_validated(replace(self, **changed)), now)

    def in_state(self, state: TenantState, *, now: datetime) -> Self:
        """Return the business in `state`, or itself if it is."""
        return self._next(replace(self, state=state), now)

    def _next(self, changed: Self, now: datetime) -> Self:
        if changed == self and are_same(changed.settings, self.settings):
            return self
        return replace(changed, version=self.version + 1, updated_at=now)


_Tenant = TypeVar("_Tenant", bound=Tenant)


def _validated(tenant: _Tenant) -> _Tenant:
    errors = [*_faults(tenant)]
    if errors:
        raise InvalidError(*errors)
    return tenant


def _faults(tenant: Tenant) -> Iterator[FieldError]:
    if not 1 <= len(tenant.name) <= NAME_LENGTH or not tenant.name.isprintable():
        yield FieldError("/name", "invalid", _NAME)
    if not _LANGUAGE_TAG.fullmatch(tenant.locale):
        yield FieldError("/locale", "invalid", _LOCALE)
    if tenant.time_zone not in _time_zones():
        yield FieldError("/time_zone", "invalid", _TIME_ZONE)
    yield from object_faults("/settings", tenant.settings)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_ZONES


class TenantSummary(Struct, frozen=True, kw_only=True):
    """What the operator's list tells of a business."""

    id: UUID
    name: str
    state: TenantState
    created_at: datetime

    @property
    def tenant_id(self) -> UUID:
        """Its own id, under the name by which everything else tells whose it is."""
        return self.id


@dataclass(frozen=True, slots=True)
class OpenedTenant:
    """A new business, and its first key: all scopes, shown once."""

    tenant: Tenant
    api_key: str
