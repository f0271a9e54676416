"""What clients and the operator send and receive of businesses."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import ApiKeyText, Version, matching, trimmed_line
from sokho.core.domain.paging import Position
from sokho.modules.tenants.domain.entities import (
    DEFAULT_LOCALE,
    DEFAULT_TIME_ZONE,
    NAME_LENGTH,
    TenantState,
    TenantSummary,
)

_LOCALE: Final = "A language tag (BCP 47), such as vi-VN."
_TIME_ZONE: Final = "The name of a time zone (IANA), such as Asia/Ho_Chi_Minh."

Name = Annotated[str, trimmed_line(NAME_LENGTH)]
Locale = Annotated[str, matching("^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", 12)]
TimeZone = Annotated[str, matching("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", 64)]

_ID: Final = "019a9f2c-1b02-7aa0-8c33-51d6be7f0e21"
_EXAMPLE: Final[JsonDict] = {
    "id": _ID,
    "tenant_id": _ID,
    "name": "Cửa hàng kim khí Hồng Phát",
    "state": "active",
    "locale": "vi-VN",
    "time_zone": "Asia/Ho_Chi_Minh",
    "settings": {},
    "version": 1,
    "created_at": "2026-03-01T05:00:00.000000Z",
    "updated_at": "2026-03-01T05:00:00.000000Z",
}


class TenantCreate(RequestModel):
    """A new business."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Cửa hàng kim khí Hồng Phát"}]}
    )

    name: Name = Field(description="1 to 255 printable characters.")
    locale: Locale = Field(DEFAULT_LOCALE, description=_LOCALE)
    time_zone: TimeZone = Field(DEFAULT_TIME_ZONE, description=_TIME_ZONE)


class TenantUpdate(PatchModel):
    """What is to become of the business: a merge patch (RFC 7396)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Kim khí Hồng Phát", "settings": {"pos": 2}}]}
    )

    name: Name = Field(ABSENT, description="1 to 255 printable characters.")
    locale: Locale = Field(ABSENT, description=_LOCALE)
    time_zone: TimeZone = Field(ABSENT, description=_TIME_ZONE)
    settings: dict[Any, Any] | None = Field(
        ABSENT, description="Merged into what there is; a null inside deletes its name."
    )


class TenantResponse(ResponseModel):
    """A business."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    tenant_id: UUID
    name: Name
    state: TenantState
    locale: Locale
    time_zone: TimeZone
    settings: dict[str, Any]
    version: Version
    created_at: datetime
    updated_at: datetime


class OpenedTenantResponse(TenantResponse):
    """A new business, and its first key."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "api_key": "sokho_019a9f2c…"}]}
    )

    api_key: ApiKeyText = Field(description="All scopes. Shown only this once.")


class TenantSummaryResponse(ResponseModel):
    """A business in the operator's list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    name: _EXAMPLE[name]
                    for name in ("id", "tenant_id", "name", "state", "created_at")
                }
            ]
        }
    )

    id: UUID
    tenant_id: UUID
    name: Name
    state: TenantState
    created_at: datetime


class TenantListQuery(ListQuery):
    """Which page of the businesses."""

    sort: Literal["id", "-id"] = Field("id", description="`-` for descending.")

    def position(self, tenant: TenantSummary) -> Position:
        """Return where `tenant` stands in this order."""
        return (tenant.id,)
