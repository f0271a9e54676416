"""Pydantic's findings as pointers, codes and texts of our own."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sokho.core.domain.errors import FieldError
from sokho.core.infrastructure.http.validation import field_errors


def found(kind: str, *location: object) -> FieldError:
    [error] = field_errors([{"type": kind, "loc": location, "input": "canary", "msg": "canary"}])
    return error


class TestPointer:
    @pytest.mark.parametrize(
        ("location", "pointer"),
        [
            (("body",), ""),
            (("body", "sku"), "/sku"),
            (("body", "tags", 3), "/tags/3"),
            (("body", "body"), "/body"),
            (("body", "a/b"), "/a~1b"),
            (("body", "a~b"), "/a~0b"),
            (("body", "~/"), "/~0~1"),
            (("query",), "/query"),
            (("query", "limit"), "/query/limit"),
            (("path", "item_id"), "/path/item_id"),
            (("header", "if-match"), "/header/if-match"),
        ],
    )
    def test_is_an_rfc_6901_pointer(self, location: tuple[object, ...], pointer: str):
        assert found("missing", *location).pointer == pointer

    @pytest.mark.parametrize(
        ("location", "pointer"),
        [
            (("body", "canary"), ""),
            (("body", "items", 5, "canary"), "/items/5"),
            (("query", "canary"), "/query"),
        ],
    )
    def test_does_not_repeat_a_name_that_the_caller_made_up(
        self, location: tuple[object, ...], pointer: str
    ):
        error = found("extra_forbidden", *location)
        assert (error.pointer, error.code) == (pointer, "unknown_field")


class TestCode:
    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ({}, "required"),
            ({"name": "abc"}, "too_long"),
            ({"name": ""}, "too_short"),
            ({"name": "\ud800"}, "invalid_character"),
            ({"name": 5}, "invalid"),
            ({"name": "a", "count": 11}, "out_of_range"),
            ({"name": "a", "count": 0}, "out_of_range"),
            ({"name": "a", "many": [1, 2]}, "too_long"),
            ({"name": "a", "many": []}, "too_short"),
            ({"name": "a", "canary": 1}, "unknown_field"),
            ("canary", "invalid"),
            (None, "invalid"),
        ],
    )
    def test_is_stable_for_what_pydantic_finds(self, value: Any, code: str):
        class Thing(BaseModel):
            model_config = ConfigDict(extra="forbid")

            name: str = Field(min_length=1, max_length=2)
            count: int = Field(1, ge=1, le=10)
            many: list[int] = Field([1], min_length=1, max_length=1)

        with pytest.raises(ValidationError) as caught:
            Thing.model_validate(value)
        [error] = field_errors(caught.value.errors())
        assert error.code == code
        assert "canary" not in f"{error}"

    @pytest.mark.parametrize("kind", ["missing", "extra_forbidden", "something_new"])
    def test_has_a_text_in_both_languages(self, kind: str):
        text = found(kind, "body", "a").text
        assert text.vi != text.en
        assert "canary" not in text.vi + text.en
