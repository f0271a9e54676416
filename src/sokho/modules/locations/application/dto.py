"""What clients send and receive of locations."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ABSENT, PatchModel, RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import Version, looked_for, one_line, trimmed_line
from sokho.core.domain.lines import caseless
from sokho.core.domain.paging import Position
from sokho.modules.locations.domain.entities import (
    CODE_LENGTH,
    NAME_LENGTH,
    Location,
    LocationKind,
    LocationStatus,
)
from sokho.modules.locations.domain.repository import LocationFilter

# What the entity judges is told here and not judged: so all faults are told at once.
Code = Annotated[str, trimmed_line(CODE_LENGTH)]
Name = Annotated[str, one_line(NAME_LENGTH)]

_WAREHOUSE: Final[JsonDict] = {"code": "KHO-2", "name": "Kho Bình Tân", "kind": "warehouse"}
_EXAMPLE: Final[JsonDict] = {
    "code": "A-01",
    "name": "Kệ A, tầng 1",
    "kind": "bin",
    "parent_id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
}


class LocationCreate(RequestModel):
    """A new location."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WAREHOUSE, _EXAMPLE]})

    code: Code = Field(description="1 to 32 characters; unique in the business, ignoring case.")
    name: Name
    kind: LocationKind = Field(description="Chosen once.")
    parent_id: UUID | None = Field(
        None, description="The location that it lies in; a bin needs one."
    )
    status: LocationStatus = LocationStatus.ACTIVE


class LocationUpdate(PatchModel):
    """What is to become of a location: a merge patch (RFC 7396). Its kind stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Kệ A"}, {"status": "archived"}]}
    )

    code: Code = Field(ABSENT, description="1 to 32 characters; unique, ignoring case.")
    name: Name = Field(ABSENT)
    parent_id: UUID | None = Field(
        ABSENT, description="Moves it, with all below it; null takes it out of where it lies."
    )
    status: LocationStatus = Field(ABSENT, description="`archived` takes it out of use.")


class LocationResponse(ResponseModel):
    """A location."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019a9f2c-7d01-7c3f-8a11-6b0e5f2c4d88",
                    "tenant_id": "019a9f2c-1b02-7aa0-8c33-51d6be7f0e21",
                    "status": "active",
                    "version": 1,
                    "created_at": "2026-03-01T05:00:00.000000Z",
                    "updated_at": "2026-03-01T05:00:00.000000Z",
                    **_EXAMPLE,
                }
            ]
        }
    )

    id: UUID
    tenant_id: UUID
    code: Code
    name: Name
    kind: LocationKind
    parent_id: UUID | None
    status: LocationStatus
    version: Version
    created_at: datetime
    updated_at: datetime


class LocationListQuery(ListQuery):
    """Which locations, in which order."""

    code: Annotated[str, looked_for()] | None = Field(
        None, description="Exactly this code, ignoring case."
    )
    kind: LocationKind | None = Field(None, description="Of this kind.")
    status: LocationStatus | None = Field(None, description="In this state.")
    parent_id: UUID | None = Field(None, description="Right below this location.")
    updated_since: Instant | None = Field(None, description="Changed at this instant or later.")
    sort: Literal[
        "id", "-id", "code", "-code", "created_at", "-created_at", "updated_at", "-updated_at"
    ] = Field("id", description="`-` for descending.")

    def position(self, location: Location) -> Position:
        """Return where `location` stands in this order."""
        match self.order.field:
            case "code":
                return (location.code_key, location.id)
            case "created_at":
                return (location.created_at, location.id)
            case "updated_at":
                return (location.updated_at, location.id)
            case _:
                return (location.id,)

    def filter(self) -> LocationFilter:
        """Return the conditions as the domain knows them."""
        return LocationFilter(
            code_key=None if self.code is None else caseless(self.code),
            kind=self.kind,
            status=self.status,
            parent_id=self.parent_id,
            updated_since=self.updated_since,
        )
