"""Attributes: any JSON that survives PostgreSQL and every parser, within bounds."""

import json
import math
from typing import Any

import pytest

from tests.fakes.items import an_item
from tests.unit.faults import faults


def of_bytes(size: int, letter: str = "x") -> dict[str, object]:
    """Return attributes that take `size` bytes as JSON in UTF-8."""
    frame = len('{"k":""}')
    width = len(letter.encode())
    letters, rest = divmod(size - frame, width)
    attributes: dict[str, object] = {"k": letter * letters + "x" * rest}
    assert size_of(attributes) == size
    return attributes


def size_of(attributes: dict[str, object]) -> int:
    """Return how many bytes attributes take as JSON in UTF-8."""
    return len(json.dumps(attributes, ensure_ascii=False, separators=(",", ":")).encode())


def of_depth(depth: int, *, lists: bool = False) -> dict[str, Any]:
    """Return an object in which `depth` levels nest, itself the first."""
    inner: Any = {} if not lists else []
    for _ in range(depth - 2):
        inner = [inner] if lists else {"a": inner}
    return {"a": inner}


class TestAttributes:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            0,
            -(2**63),
            2**63 - 1,
            1.5,
            -0.0,
            1e-18,
            9.2e18,
            "",
            "đinh 😀\n\x01",
            [],
            {},
            [1, "a", None, {"b": []}],
        ],
        ids=repr,
    )
    def test_take_any_json(self, value: object):
        assert an_item(attributes={"k": value}).attributes == {"k": value}

    def test_none_given_are_an_empty_object(self):
        assert an_item(attributes=None).attributes == {}

    @pytest.mark.parametrize("letter", ["x", "đ", "😀"])
    def test_may_take_16_kib(self, letter: str):
        assert an_item(attributes=of_bytes(16 * 1024, letter)).attributes
        with faults(("/attributes", "too_long")):
            an_item(attributes=of_bytes(16 * 1024 + 1, letter))

    @pytest.mark.parametrize(
        "each",
        ["\x01" * 99, '"' * 99, "", [], {}, None, False, -(2**63), -1.2345678901234567e-17, [[]]],
        ids=repr,
    )
    def test_of_any_kind_are_measured_to_the_byte(self, each: object):
        """A bound on what they can take must never be less than what they take."""
        count = 1
        while size_of({"k": [each] * count}) <= 16 * 1024:
            count += 1
        assert an_item(attributes={"k": [each] * (count - 1)}).attributes
        with faults(("/attributes", "too_long")):
            an_item(attributes={"k": [each] * count})

    def test_are_measured_as_the_store_writes_them(self):
        """PostgreSQL knows no exponent: each of these would take 326 characters there, and back."""
        with faults(("/attributes", "out_of_range")):
            an_item(attributes={"k": [5e-324] * 2_000})

    @pytest.mark.parametrize("lists", [False, True])
    def test_may_nest_five_levels(self, lists: bool):
        assert an_item(attributes=of_depth(5, lists=lists)).attributes
        with faults(("/attributes", "too_deep")):
            an_item(attributes=of_depth(6, lists=lists))

    def test_may_hold_a_scalar_on_the_fifth_level(self):
        assert an_item(attributes={"1": {"2": {"3": {"4": {"5": "x"}}}}}).attributes

    def test_of_any_depth_are_refused_without_recursion(self):
        with faults(("/attributes", "too_deep")):
            an_item(attributes=of_depth(100_000))

    @pytest.mark.parametrize(
        "number", [math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1, 10**400], ids=str
    )
    def test_take_no_number_that_others_cannot_read(self, number: float):
        for attributes in ({"k": number}, {"k": [{"deep": number}]}):
            with faults(("/attributes", "out_of_range")):
                an_item(attributes=attributes)

    @pytest.mark.parametrize("bad", ["\0", "\ud800", "a\udfff"])
    def test_take_no_nul_and_no_lone_surrogate_in_value_or_key(self, bad: str):
        for attributes in ({"k": bad}, {bad: 1}, {"k": [{"a": bad}]}, {"k": [{bad: 1}]}):
            with faults(("/attributes", "invalid_character")):
                an_item(attributes=attributes)
