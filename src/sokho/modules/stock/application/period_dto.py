"""What clients send to lock a period, and receive."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import RequestModel, ResponseModel
from sokho.core.application.instants import Instant
from sokho.core.application.schemas import between, one_line

_MOST_VERSIONS: Final = 2**31 - 1
_LOCK: Final[JsonDict] = {"locked_before": "2026-02-01T00:00:00+07:00", "version": 0}

Version = Annotated[int, between(0, _MOST_VERSIONS - 1)]


class PeriodLockPut(RequestModel):
    """Up to when the books are to be locked."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LOCK]})

    locked_before: Instant | None = Field(
        description="No document dated before this is posted any more; null reopens everything."
    )
    version: int = Field(
        ge=0, le=_MOST_VERSIONS - 1, strict=True, description="Of the lock as you have read it."
    )


class PeriodLockResponse(ResponseModel):
    """Up to when the books are locked."""

    locked_before: datetime | None
    version: Version = Field(description="0 until it is set for the first time.")
    set_at: datetime | None
    actor: Annotated[str, one_line(64)] | None
