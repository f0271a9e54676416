"""What is read from an OpenAPI document, however it is written there."""

from typing import Any, Final

from tests.sealing.document import Operation, body_of, operations_of

LINE: Final = {
    "type": "object",
    "required": ["item_id", "quantity"],
    "properties": {
        "item_id": {"type": "string", "format": "uuid"},
        "quantity": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "note": {"anyOf": [{"$ref": "#/components/schemas/Note"}, {"type": "null"}]},
    },
}
CONDITIONAL: Final[dict[str, Any]] = {
    "paths": {"/v1/moves": {"get": {"responses": {"200": {}, "304": {}}}}}
}
DOCUMENT: Final[dict[str, Any]] = {
    "paths": {
        "/v1/moves/{move_id}": {
            "summary": "is no operation",
            "parameters": [{"$ref": "#/components/parameters/move"}],
            "put": {
                "parameters": [{"name": "If-Match", "in": "header", "schema": {"type": "string"}}],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Move"}}
                    }
                },
            },
        }
    },
    "components": {
        "parameters": {
            "move": {"name": "move_id", "in": "path", "required": True, "schema": {}},
        },
        "schemas": {
            "Note": {
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string"}, "tags": {"type": "array", "items": {}}},
            },
            "Line": LINE,
            "Move": {
                "type": "object",
                "required": ["lines"],
                "properties": {
                    "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
                    "kind": {"type": "string"},
                },
            },
        },
    },
}


def the_operation() -> Operation:
    [operation] = operations_of(DOCUMENT)
    return operation


def built_with(*names: str) -> Any:
    """Return the body of a call that chooses these slots: each value is its own name."""
    operation = the_operation()
    chosen = [slot for slot in operation.slots if slot.name in names]
    return body_of(
        {slot: slot.name for slot in operation.slots if slot in chosen or slot.comes_with(chosen)}
    )


class TestOperation:
    def test_has_a_method_a_path_and_a_media_type(self):
        operation = the_operation()
        assert str(operation) == "PUT /v1/moves/{move_id}"
        assert operation.media_type == "application/json"
        assert not operation.is_safe

    def test_takes_values_wherever_the_document_says(self):
        assert [str(slot) for slot in the_operation().slots] == [
            "path move_id",
            "header If-Match",
            "body lines/0/item_id",
            "body lines/0/quantity",
            "body lines/0/note/text",
            "body lines/0/note/tags/0",
            "body kind",
        ]

    def test_knows_what_every_call_must_have(self):
        needed = [slot.name for slot in the_operation().slots if slot.comes_with([])]
        assert needed == ["move_id", "item_id", "quantity"]

    def test_knows_the_schema_behind_a_reference_or_beside_null(self):
        schemas = {slot.name: slot.schema for slot in the_operation().slots}
        assert schemas["quantity"] == {"type": "integer", "minimum": 1}
        assert schemas["text"] == {"type": "string"}

    def test_takes_a_condition_where_it_may_answer_that_nothing_changed(self):
        [operation] = operations_of(CONDITIONAL)
        assert [str(slot) for slot in operation.slots] == ["header If-None-Match"]


class TestBody:
    def test_has_what_is_required_alone(self):
        assert built_with() == {"lines": [{"item_id": "item_id", "quantity": "quantity"}]}

    def test_has_what_an_optional_part_requires_when_it_is_there(self):
        [line] = built_with("tags")["lines"]
        assert line["note"] == {"text": "text", "tags": ["tags"]}

    def test_is_empty_when_nothing_is_required(self):
        assert body_of({}) == {}
