"""Conversions between an item's units: exact fractions, within bounds."""

from typing import Any
from uuid import UUID

import pytest

from sokho.modules.items.domain.conversions import Conversion
from tests.unit.faults import faults


def a_conversion(**changes: Any) -> Conversion:
    given: dict[str, Any] = {
        "tenant_id": UUID(int=1),
        "item_id": UUID(int=2),
        "unit": "thùng",
        "numerator": 24,
        "denominator": 1,
    }
    return Conversion.create(**(given | changes))


class TestConversion:
    def test_is_kept_as_given_and_not_in_lowest_terms(self):
        conversion = a_conversion(numerator=10, denominator=30)
        assert (conversion.numerator, conversion.denominator) == (10, 30)

    @pytest.mark.parametrize("name", ["numerator", "denominator"])
    def test_terms_reach_from_one_to_a_thousand_million(self, name: str):
        for term in (1, 1_000_000_000):
            assert getattr(a_conversion(**{name: term}), name) == term
        for term in (0, -1, 1_000_000_001):
            with faults((f"/{name}", "out_of_range")):
                a_conversion(**{name: term})

    def test_names_both_terms_at_fault(self):
        with faults(("/numerator", "out_of_range"), ("/denominator", "out_of_range")):
            a_conversion(numerator=0, denominator=0)

    def test_is_not_for_the_items_own_unit(self):
        a_conversion(unit="thùng").refuse_own_unit("lon")
        with faults(("/unit", "own_unit")):
            a_conversion(unit="lon").refuse_own_unit("lon")
