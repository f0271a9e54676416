"""What all DTOs share."""

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A body that a client sends: a field it does not know is an error, not noise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ResponseModel(BaseModel):
    """What a client receives, read from an entity's attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class FieldProblem(BaseModel):
    """One field at fault: an RFC 6901 pointer, a stable code, and a text."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """A refusal or failure (RFC 9457). Programs read `code`, people `title` and `detail`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None
