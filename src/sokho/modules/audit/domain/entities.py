"""An event as it stands in the log."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct


class RecordedEvent(Struct, frozen=True, kw_only=True):
    """One change: who made it, to what, and each field before and after.

    `xid` is the number of its transaction. `on_behalf_of` is what the caller's program called
    its user, and None once that was erased.
    """

    id: UUID
    tenant_id: UUID
    type: str
    resource_id: str | None
    actor: str
    on_behalf_of: str | None
    request_id: UUID | None
    changes: Mapping[str, object]
    created_at: datetime
    xid: int
