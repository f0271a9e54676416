"""What all DTOs share."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue

_MOST_FIELDS: Final = 100


class RequestModel(BaseModel):
    """A body that a client sends: a field it does not know is an error, not noise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, content: object) -> object:
        """Refuse an object of thousands of unknown names at once, not one by one."""
        if isinstance(content, dict) and len(content) > _MOST_FIELDS:
            raise ValueError("too many fields")
        return content


ABSENT: Final[Any] = None
"""The default of a `PatchModel`'s field. It is never used: what is left out has no value."""


class PatchModel(RequestModel):
    """A body whose fields may each be left out, and are then no change."""

    def changes(self) -> Any:
        """Return what was sent, by field."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the model without defaults: it has none."""
        described = handler(schema)
        for field in handler.resolve_ref_schema(described).get("properties", {}).values():
            field.pop("default", None)
        return described


class ResponseModel(BaseModel):
    """What a client receives, read from an entity's attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class FieldProblem(BaseModel):
    """One field at fault: an RFC 6901 pointer, a stable code, and a text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"pointer": "/items/5/sku", "code": "too_long", "detail": "Dài quá 64 ký tự."}
            ]
        }
    )

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
