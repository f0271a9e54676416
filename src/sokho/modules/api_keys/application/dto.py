"""What clients send and receive of API keys."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import WHOLE, ApiKeyText, at_most, trimmed_line
from sokho.core.domain.paging import Position
from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.entities import LONGEST_OVERLAP, NAME_LENGTH, ApiKey

Name = Annotated[str, trimmed_line(NAME_LENGTH)]
Scopes = Annotated[list[Scope], Field(max_length=len(Scope), json_schema_extra={"minItems": 1})]

_EXAMPLE: Final[JsonDict] = {
    "id": "019a9f2c-2c11-7e3a-8f10-4d6f0b6c9a77",
    "tenant_id": "019a9f2c-1b02-7aa0-8c33-51d6be7f0e21",
    "name": "máy bán hàng số 2",
    "scopes": ["items:read", "locations:read", "stock:read", "stock:write"],
    "role": "storekeeper",
    "expires_at": None,
    "revoked_at": None,
    "replaced_at": None,
    "last_used_at": None,
    "created_at": "2026-03-01T05:00:00.000000Z",
}


class ApiKeyCreate(RequestModel):
    """A new key: with a role, or with scopes by themselves."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "máy bán hàng số 2", "role": "storekeeper"}]}
    )

    name: Name = Field(description="1 to 100 printable characters.")
    scopes: Scopes | None = Field(None, description="At least one; none beyond your own.")
    role: Role | None = Field(None, description="A named set of scopes, instead of `scopes`.")
    expires_at: Instant | None = Field(None, description="No later is the key served.")


class ApiKeyRotate(RequestModel):
    """How a key is handed over to its successor."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP, strict=True), WHOLE] = Field(
        0,
        description="For how long the old key is still served.",
    )


class ApiKeyResponse(ResponseModel):
    """An API key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    tenant_id: UUID
    name: Name
    scopes: Annotated[list[Scope], at_most(len(Scope))]
    role: Role | None
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class NewApiKeyResponse(ApiKeyResponse):
    """A new API key, with its secret."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "api_key": "sokho_019a9f2c…"}]}
    )

    api_key: ApiKeyText = Field(description="Shown only this once.")


class ApiKeyListQuery(ListQuery):
    """Which page of the keys."""

    sort: Literal["id", "-id"] = Field("id", description="`-` for descending.")

    def position(self, key: ApiKey) -> Position:
        """Return where `key` stands in this order."""
        return (key.id,)
