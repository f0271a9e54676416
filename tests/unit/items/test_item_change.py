"""What becomes of an item: its next version, or itself where nothing would differ."""

from datetime import timedelta
from typing import Any, Final

import pytest
from msgspec.structs import fields, replace

from sokho.modules.items.domain.entities import Item, ItemChanges, ItemStatus
from tests.fakes.items import NOON, a_full_item, an_item
from tests.unit.faults import faults

LATER: Final = NOON + timedelta(hours=1)

CHANGES: Final[dict[str, Any]] = {
    "sku": "Ốc-8",
    "name": "Ốc 8",
    "description": "mới",
    "unit": "tấn",
    "barcode": "ABC",
    "status": ItemStatus.ACTIVE,
    "tags": ("ốc",),
    "attributes": {"dài mm": 51},
}
KEPT: Final = {"id", "tenant_id", "created_at"}
COUNTED: Final = {"version", "updated_at"}


def test_every_field_is_changed_kept_or_counted():
    assert {field.name for field in fields(Item)} == CHANGES.keys() | KEPT | COUNTED
    assert ItemChanges.__optional_keys__ == CHANGES.keys()


class TestChange:
    @pytest.mark.parametrize("name", CHANGES)
    def test_gives_one_field_its_value_and_leaves_the_others(self, name: str):
        before = a_full_item()
        changed = before.change(now=LATER, **{name: CHANGES[name]})
        assert changed == replace(
            before, **{name: CHANGES[name]}, version=before.version + 1, updated_at=LATER
        )
        assert getattr(changed, name) != getattr(before, name)

    def test_leaves_the_item_itself_as_it_was(self):
        before = a_full_item()
        before.change(now=LATER, **CHANGES)
        assert before == a_full_item(id=before.id)

    @pytest.mark.parametrize("name", CHANGES)
    def test_to_what_is_there_is_the_item_itself(self, name: str):
        item = a_full_item()
        same: Any = {name: getattr(item, name)}
        assert item.change(now=LATER, **same) is item

    def test_of_nothing_is_the_item_itself(self):
        item = a_full_item()
        assert item.change(now=LATER) is item

    def test_to_what_becomes_the_same_when_normalised_is_the_item_itself(self):
        item = an_item("Ộ-1", tags=["b", "a"])
        decomposed = " O\u0323\u0302-1 "
        same = item.change(now=LATER, sku=decomposed, unit=" cái ", tags=["b", "a", "b"])
        assert same is item

    def test_of_a_skus_case_is_a_change(self):
        assert an_item("a-1").change(now=LATER, sku="A-1").sku == "A-1"

    def test_of_the_order_of_tags_is_a_change(self):
        assert an_item(tags=["a", "b"]).change(now=LATER, tags=["b", "a"]).tags == ("b", "a")

    @pytest.mark.parametrize(
        ("name", "empty"),
        [("description", None), ("barcode", None), ("tags", ()), ("attributes", {})],
    )
    def test_to_none_empties_what_may_be_empty(self, name: str, empty: object):
        gone: Any = {name: None}
        assert getattr(a_full_item().change(now=LATER, **gone), name) == empty

    def test_replaces_attributes_as_a_whole(self):
        item = an_item(attributes={"a": 1, "b": {"c": 2}})
        changed = item.change(now=LATER, attributes={"b": {"d": None}})
        assert changed.attributes == {"b": {"d": None}}

    def test_names_every_field_at_fault_at_once(self):
        with faults(
            ("/sku", "too_short"),
            ("/name", "too_short"),
            ("/unit", "too_short"),
            ("/description", "invalid_character"),
            ("/barcode", "invalid"),
            ("/tags/1", "too_short"),
            ("/attributes", "too_deep"),
        ):
            a_full_item().change(
                now=LATER,
                sku=" ",
                name="",
                unit="",
                description="\0",
                barcode="-",
                tags=["ok", ""],
                attributes={"1": {"2": {"3": {"4": {"5": {}}}}}},
            )

    def test_finds_fault_with_tags_where_they_were_sent(self):
        with faults(("/tags/3", "too_short")):
            an_item().change(now=LATER, tags=["a", "a", "a", " "])

    def test_counts_tags_as_they_were_sent(self):
        with faults(("/tags", "too_long")):
            an_item().change(now=LATER, tags=["a"] * 51)


class TestSameAttributes:
    @pytest.mark.parametrize(
        ("one", "other"),
        [(1, 1.0), (1, True), (0, False), (1.0, True), (0, 0.0), ("1", 1), (None, False), ([], {})],
        ids=repr,
    )
    def test_tell_apart_what_python_holds_equal(self, one: object, other: object):
        for before, after in ((one, other), (other, one)):
            for wrap in (lambda value: {"k": value}, lambda value: {"k": [{"k": value}]}):
                item = an_item(attributes=wrap(before))
                changed = item.change(now=LATER, attributes=wrap(after))
                assert changed.version == 2
                assert repr(changed.attributes) == repr(wrap(after))

    @pytest.mark.parametrize("number", [1e16, -1.5e16, 9e18], ids=repr)
    def test_are_those_that_the_store_returns_for_a_float_without_a_fraction(self, number: float):
        for stored, sent in ((int(number), number), (number, int(number))):
            item = an_item(attributes={"k": [stored]})
            assert item.change(now=LATER, attributes={"k": [sent]}) is item

    def test_are_apart_where_the_store_tells_them_apart(self):
        item = an_item(attributes={"k": 10**16 - 2})
        assert item.change(now=LATER, attributes={"k": 1e16 - 2}).version == 2

    def test_do_not_mind_the_sign_of_zero(self):
        item = an_item(attributes={"k": 0.0})
        assert item.change(now=LATER, attributes={"k": -0.0}) is item

    def test_do_not_mind_the_order_of_names(self):
        item = an_item(attributes={"a": {"x": 1, "y": 2}, "b": 1})
        assert item.change(now=LATER, attributes={"b": 1, "a": {"y": 2, "x": 1}}) is item

    def test_mind_the_order_of_a_list(self):
        item = an_item(attributes={"a": [1, 2]})
        assert item.change(now=LATER, attributes={"a": [2, 1]}).version == 2
