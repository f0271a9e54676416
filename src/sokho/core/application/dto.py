"""What all DTOs share."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue

from sokho.core.application.schemas import at_most, between, matching, one_line, text, uuid_text

MOST_ERRORS: Final = 1_000
"""As many as a batch has rows."""

Code = Annotated[str, matching("^[a-z_]+$", 64)]
Sentence = Annotated[str, one_line(500)]

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
        values = self.__dict__
        return {name: values[name] for name in self.model_fields_set}

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


_Id = Annotated[str, uuid_text()]
_Quantity = Annotated[str, matching(r"^[0-9]+(\.[0-9]+)?$", 22)]


class FieldProblem(BaseModel):
    """One field at fault: an RFC 6901 pointer, a stable code, and a text.

    Of `insufficient_stock` also which item is short, where, and by how much.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"pointer": "/items/5/sku", "code": "too_long", "detail": "Dài quá 64 ký tự."}
            ]
        }
    )

    pointer: Annotated[str, text(1_000)] = Field(description="An RFC 6901 pointer.")
    code: Code
    detail: Sentence
    item_id: _Id | None = Field(None, description="Of `insufficient_stock` alone.")
    location_id: _Id | None = Field(None, description="Of `insufficient_stock` alone.")
    requested: _Quantity | None = Field(
        None,
        description="Of `insufficient_stock` alone: what all lines of the document together want "
        "of the item at the location, in its own unit.",
    )
    available: _Quantity | None = Field(
        None, description="Of `insufficient_stock` alone: what is there and not reserved."
    )
    short_at: datetime | None = Field(
        None,
        description="Of `insufficient_stock` alone, and of a document of the past: the date at "
        "which less than nothing would have been there.",
    )


class Problem(BaseModel):
    """A refusal or failure (RFC 9457). Programs read `code`, people `title` and `detail`."""

    type: Annotated[str, matching("^urn:sokho:problem:[a-z_]+$", 100)]
    title: Sentence
    status: Annotated[int, between(400, 599)]
    detail: Sentence
    instance: Annotated[str, matching("^urn:uuid:[0-9a-f-]+$", 45)]
    code: Code
    request_id: Annotated[str, uuid_text()]
    errors: Annotated[list[FieldProblem], at_most(MOST_ERRORS)] | None = None
