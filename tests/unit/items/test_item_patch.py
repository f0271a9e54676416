"""A merge patch of attributes (RFC 7396), and what it shares with every other change."""

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.fakes.items import NOON, a_full_item, an_item
from tests.unit.faults import faults

LATER: Final = NOON + timedelta(hours=1)

# RFC 7396, appendix A: target, patch, result. Attributes are an object, so of the whole
# document only these apply; all of them apply below a name.
OF_OBJECTS: Final[list[tuple[Any, Any, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
OF_OTHERS: Final[list[tuple[Any, Any, Any]]] = [
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, "bar", "bar"),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
]


class TestPatch:
    @pytest.mark.parametrize(("target", "patch", "result"), OF_OBJECTS, ids=str)
    def test_merges_attributes_as_the_rfc_does(self, target: Any, patch: Any, result: Any):
        assert an_item(attributes=target).patch(now=LATER, attributes=patch).attributes == result

    @pytest.mark.parametrize(("target", "patch", "result"), OF_OBJECTS + OF_OTHERS, ids=str)
    def test_merges_what_stands_below_a_name_alike(self, target: Any, patch: Any, result: Any):
        item = an_item(attributes={"k": target, "other": 1})
        patched = item.patch(now=LATER, attributes={"k": patch})
        assert patched.attributes == {"k": result, "other": 1}

    def test_null_below_a_name_deletes_what_there_is(self):
        item = an_item(attributes={"k": {"a": "foo"}})
        assert item.patch(now=LATER, attributes={"k": None}).attributes == {}

    def test_null_deletes_all_attributes(self):
        assert a_full_item().patch(now=LATER, attributes=None).attributes == {}

    def test_null_for_what_is_not_there_is_no_change(self):
        item = an_item(attributes={"a": {"b": 1}})
        assert item.patch(now=LATER, attributes={"x": None, "a": {"y": None}}) is item

    def test_a_null_within_a_list_is_a_value(self):
        item = an_item(attributes={"a": 1})
        patched = item.patch(now=LATER, attributes={"a": [None, {"b": None}]})
        assert patched.attributes == {"a": [None, {"b": None}]}

    def test_of_nothing_is_the_item_itself(self):
        item = a_full_item()
        assert item.patch(now=LATER) is item
        assert item.patch(now=LATER, attributes={}) is item
        assert item.patch(now=LATER, attributes=dict(item.attributes)) is item

    @pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0.0, False)], ids=repr)
    def test_gives_another_value_where_python_sees_none(self, one: object, other: object):
        patched = an_item(attributes={"k": one}).patch(now=LATER, attributes={"k": other})
        assert repr(patched.attributes) == repr({"k": other})
        assert patched.version == 2

    def test_leaves_the_item_itself_as_it_was(self):
        item = an_item(attributes={"a": {"b": [1]}, "c": 1})
        item.patch(now=LATER, attributes={"a": {"b": [2], "d": {}}, "c": None})
        assert item.attributes == {"a": {"b": [1]}, "c": 1}

    def test_replaces_tags(self):
        assert an_item(tags=["a", "b"]).patch(now=LATER, tags=["b"]).tags == ("b",)

    def test_changes_other_fields_along(self):
        patched = an_item(attributes={"a": 1}).patch(now=LATER, name="C", attributes={"b": 2})
        assert (patched.name, patched.attributes) == ("C", {"a": 1, "b": 2})
        assert (patched.version, patched.updated_at) == (2, LATER)


class TestDepthOfAPatch:
    def test_may_reach_the_fifth_level(self):
        patch = {"2": {"3": {"4": {"5": 1}}}}
        item = an_item(attributes={"1": {}}).patch(now=LATER, attributes={"1": patch})
        assert item.attributes == {"1": patch}

    @pytest.mark.parametrize("inner", [{"6": 1}, {"6": None}, {}, [], [1]], ids=repr)
    def test_may_not_reach_below(self, inner: object):
        with faults(("/attributes", "too_deep")):
            an_item().patch(now=LATER, attributes={"1": {"2": {"3": {"4": {"5": inner}}}}})

    def test_hides_no_other_fault(self):
        deep = {"1": {"2": {"3": {"4": {"5": {"6": None}}}}}}
        with faults(("/name", "too_short"), ("/tags/0", "too_short"), ("/attributes", "too_deep")):
            an_item().patch(now=LATER, name="", tags=[""], attributes=deep)

    def test_of_any_number_of_levels_is_refused_without_recursion(self):
        patch: dict[str, Any] = {}
        for _ in range(100_000):
            patch = {"a": patch}
        with faults(("/attributes", "too_deep")):
            an_item().patch(now=LATER, attributes=patch)


class TestSizeOfAPatch:
    def test_is_that_of_what_becomes_of_the_item(self):
        item = an_item(attributes={"a": "x" * 10_000})
        with faults(("/attributes", "too_long")):
            item.patch(now=LATER, attributes={"b": "x" * 10_000})
        assert item.patch(now=LATER, attributes={"a": None, "b": "x" * 10_000}).version == 2
