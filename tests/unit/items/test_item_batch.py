"""A batch: which rows are new, which change what is stored, and which do not fit."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError
from sokho.modules.items.domain.batch import ItemBatch, units_of
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.errors import DuplicateSKUInBatchError
from tests.fakes.items import NOON, a_full_item, an_item
from tests.unit.faults import faults

TENANT: Final = UUID(int=1)
LATER: Final = NOON + timedelta(hours=1)


KNOWN: Final = {"g", "cái", "kg", "lon", "hộp", "chai", "thùng"}


def a_batch(
    rows: list[Mapping[str, Any]], *stored: Item, units: Collection[str] = KNOWN
) -> ItemBatch:
    numbers = count(1)
    given: Any = rows
    return ItemBatch(
        given,
        {item.sku_key: item for item in stored},
        units,
        tenant_id=TENANT,
        now=LATER,
        make_id=lambda: UUID(int=next(numbers)),
    )


class TestNewRow:
    def test_becomes_an_item(self):
        batch = a_batch([{"sku": " A ", "name": "B", "tags": ["x", "x"]}])
        expected = Item(
            id=UUID(int=1),
            tenant_id=TENANT,
            sku="A",
            name="B",
            tags=("x",),
            created_at=LATER,
            updated_at=LATER,
        )
        assert batch.new == batch.items == [expected]
        assert batch.changed == []

    def test_needs_a_name(self):
        with faults(("/items/1/name", "required")):
            a_batch([{"sku": "A", "name": "A"}, {"sku": "B"}])

    def test_takes_null_as_nothing(self):
        nothing = {"description": None, "barcode": None, "tags": None, "attributes": None}
        [item] = a_batch([{"sku": "A", "name": "B"} | nothing]).new
        assert (item.description, item.barcode, item.tags, item.attributes) == (None, None, (), {})


class TestRowOfAStoredItem:
    def test_needs_no_name_and_keeps_what_it_leaves_out(self):
        stored = a_full_item()
        batch = a_batch([{"sku": stored.sku, "description": "mới"}], stored)
        [item] = batch.changed
        assert item == stored.change(now=LATER, description="mới")
        assert batch.items == [item]
        assert batch.new == []

    @pytest.mark.parametrize("sku", ["đinh-5p", " ĐINH-5P ", "Đinh-5P"])
    def test_is_found_whatever_the_case(self, sku: str):
        stored = a_full_item()
        batch = a_batch([{"sku": sku, "name": "C"}], stored)
        assert batch.new == []
        assert [(item.id, item.sku) for item in batch.changed] == [(stored.id, sku.strip())]

    def test_that_is_identical_changes_nothing(self):
        stored = a_full_item()
        names = ("sku", "name", "description", "unit", "barcode", "status", "tags", "attributes")
        for row in ({"sku": stored.sku}, {name: getattr(stored, name) for name in names}):
            batch = a_batch([row], stored)
            assert batch.items == [stored]
            assert (batch.new, batch.changed) == ([], [])

    def test_replaces_attributes(self):
        stored = an_item("A", attributes={"a": 1, "b": 2})
        [item] = a_batch([{"sku": "A", "attributes": {"b": 3}}], stored).changed
        assert item.attributes == {"b": 3}


class TestRows:
    def test_keep_their_order(self):
        b, d = an_item("B"), an_item("D")
        batch = a_batch(
            [
                {"sku": "d", "name": "mới"},
                {"sku": "C", "name": "C"},
                {"sku": "B"},
                {"sku": "A", "name": "A"},
            ],
            b,
            d,
        )
        assert [item.id for item in batch.items] == [d.id, UUID(int=1), b.id, UUID(int=2)]
        assert [item.sku for item in batch.new] == ["C", "A"]
        assert [item.id for item in batch.changed] == [d.id]

    def test_with_one_sku_are_refused_at_the_second(self):
        with pytest.raises(DuplicateSKUInBatchError) as caught:
            a_batch(
                [
                    {"sku": "ß", "name": "1"},
                    {"sku": "B", "name": "2"},
                    {"sku": "SS", "name": "3"},
                    {"sku": " ẞ", "name": "4"},
                ]
            )
        assert [(e.pointer, e.code) for e in caught.value.errors] == [
            ("/items/2/sku", "duplicate_sku_in_batch"),
            ("/items/3/sku", "duplicate_sku_in_batch"),
        ]

    def test_with_one_sku_of_a_stored_item_are_refused_alike(self):
        with pytest.raises(DuplicateSKUInBatchError):
            a_batch([{"sku": "A"}, {"sku": "a"}], an_item("A"))

    def test_name_each_fault_of_each_row(self):
        with pytest.raises(InvalidError) as caught:
            a_batch(
                [
                    {"sku": "A", "name": "", "barcode": "-"},
                    {"sku": "B", "name": "fits"},
                    {"sku": "b", "tags": ["ok", ""]},
                    {"sku": "C", "unit": ""},
                ],
                an_item("C"),
            )
        assert caught.value.code == "validation_failed"
        assert [(e.pointer, e.code) for e in caught.value.errors] == [
            ("/items/0/name", "too_short"),
            ("/items/0/barcode", "invalid"),
            ("/items/2/sku", "duplicate_sku_in_batch"),
            ("/items/2/name", "required"),
            ("/items/3/unit", "too_short"),
        ]


class TestUnits:
    def test_to_look_for_are_those_of_the_rows_and_the_default(self):
        rows: Any = [{"sku": "A", "unit": " kg "}, {"sku": "B"}, {"sku": "C", "unit": "hộp"}]
        assert units_of(rows) == {"kg", "hộp", "cái"}

    def test_that_are_unknown_are_told_by_row_beside_all_else(self):
        rows = [
            {"sku": "0", "name": "A", "unit": "a"},
            {"sku": "1", "name": "A", "unit": " b "},
            {"sku": "2", "name": "", "unit": "b"},
            {"sku": "3", "unit": "b"},
            {"sku": "4", "name": "A"},
            {"sku": "5", "description": "giữ đơn vị đang có"},
        ]
        with faults(
            ("/items/1/unit", "unknown_unit"),
            ("/items/2/name", "too_short"),
            ("/items/2/unit", "unknown_unit"),
            ("/items/3/name", "required"),
            ("/items/3/unit", "unknown_unit"),
            ("/items/4/unit", "unknown_unit"),
        ):
            a_batch([*rows], an_item("5", unit="lon"), units={"a"})

    def test_that_change_are_told_by_item(self):
        a, b = an_item("A", unit="kg"), an_item("B")
        batch = a_batch(
            [
                {"sku": "new", "name": "x", "unit": "kg"},
                {"sku": "B", "name": "only the name"},
                {"sku": "A", "unit": "g", "status": ItemStatus.ARCHIVED},
            ],
            a,
            b,
        )
        assert batch.rows_of_changed_units == {a.id: 2}
