"""What clients receive of recorded events."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ResponseModel
from sokho.core.application.paging import ListQuery
from sokho.core.application.schemas import looked_for, matching, one_line
from sokho.core.domain.paging import Position
from sokho.modules.audit.domain.entities import RecordedEvent
from sokho.modules.audit.domain.repository import EventFilter

TYPE_LENGTH: Final = 64
RESOURCE_ID_LENGTH: Final = 128
ACTOR_LENGTH: Final = 64

_EXAMPLE: Final[JsonDict] = {
    "id": "019a9f2c-7d55-7b0c-9d1e-0a4c52f7b3e8",
    "tenant_id": "019a9f2c-1b02-7aa0-8c33-51d6be7f0e21",
    "type": "item.updated",
    "resource_id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
    "actor": "api_key:019a9f2c-2c11-7e3a-8f10-4d6f0b6c9a77",
    "on_behalf_of": "nv-042",
    "request_id": "019a9f2c-7d54-7c12-a6ce-93b0e5c1f7d0",
    "changes": {"name": {"before": "Bu lông M8", "after": "Bu lông M8×40"}},
    "created_at": "2026-03-01T05:00:00.000000Z",
}


class AuditEventResponse(ResponseModel):
    """One change."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    tenant_id: UUID
    type: Annotated[str, matching(r"^[a-z_]+\.[a-z_]+$", TYPE_LENGTH)] = Field(
        description="What happened to what, such as `item.updated`."
    )
    resource_id: Annotated[str, one_line(RESOURCE_ID_LENGTH)] | None = Field(
        description="The id, or a unit's code; null for a batch."
    )
    actor: Annotated[str, one_line(ACTOR_LENGTH)] = Field(
        description="`api_key:{id}`, `operator`, `command_line` or `housekeeping`."
    )
    on_behalf_of: Annotated[str, one_line(128)] | None = Field(
        description="What `Sokho-Actor` said; null once erased."
    )
    request_id: UUID | None
    changes: dict[str, Any] = Field(description="Each field, `before` and `after`.")
    created_at: datetime


class AuditEventListQuery(ListQuery):
    """Which events, in which order."""

    type: Annotated[str, looked_for()] | None = Field(None, description="Exactly this type.")
    resource_id: Annotated[str, looked_for()] | None = Field(
        None, description="Of exactly this resource."
    )
    actor: Annotated[str, looked_for()] | None = Field(None, description="By exactly this actor.")
    sort: Literal["position", "-position"] = Field(
        "position",
        description="By transaction, so that a reader misses none; `-` for newest first.",
    )

    def position(self, event: RecordedEvent) -> Position:
        """Return where `event` stands in this order."""
        return (event.xid, event.id)

    def filter(self) -> EventFilter:
        """Return the conditions as the domain knows them."""
        return EventFilter(self.type, self.resource_id, self.actor)
