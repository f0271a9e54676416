"""A unit's rules: its code stands in addresses, and is told apart exactly."""

import unicodedata
from typing import Any
from uuid import UUID

import pytest

from sokho.modules.units.domain.entities import Unit
from tests.fakes.units import a_unit
from tests.unit.faults import faults


class TestNewUnit:
    def test_has_the_defaults_of_the_contract(self):
        unit = Unit.create(tenant_id=UUID(int=1), code="két", name="két")
        assert unit == Unit(tenant_id=UUID(int=1), code="két", name="két", decimals=0, version=1)

    def test_names_every_field_at_fault_at_once(self):
        with faults(("/code", "too_short"), ("/name", "too_short"), ("/decimals", "out_of_range")):
            a_unit(" ", name="", decimals=7)

    @pytest.mark.parametrize(("field", "most"), [("code", 32), ("name", 64)])
    @pytest.mark.parametrize("letter", ["a", "Ộ", "😀"])
    def test_texts_are_counted_in_characters(self, field: str, most: int, letter: str):
        assert getattr(a_unit(**{field: letter * most}), field) == letter * most
        with faults((f"/{field}", "too_long")):
            a_unit(**{field: letter * (most + 1)})

    @pytest.mark.parametrize("field", ["code", "name"])
    @pytest.mark.parametrize("bad", ["\0", "\n", "\x7f", "\ud800"])
    def test_texts_are_lines(self, field: str, bad: str):
        with faults((f"/{field}", "invalid_character")):
            a_unit(**{field: f"a{bad}b"})


class TestCode:
    @pytest.mark.parametrize("given", [" két", "két ", "\u00a0két\u3000", "ke\u0301t"])
    def test_is_trimmed_and_composed(self, given: str):
        assert a_unit(given).code == "két"

    def test_is_measured_afterwards(self):
        assert a_unit(f" {unicodedata.normalize('NFD', 'Ộ' * 32)} ").code == "Ộ" * 32

    @pytest.mark.parametrize("code", ["a/b", "/", "a/", "/a", "kg/m³"])
    def test_has_no_slash_since_it_would_part_an_address(self, code: str):
        with faults(("/code", "invalid_character")):
            a_unit(code)

    @pytest.mark.parametrize("code", [".", "..", " .. "])
    def test_is_no_step_of_an_address(self, code: str):
        with faults(("/code", "invalid_character")):
            a_unit(code)

    @pytest.mark.parametrize("code", ["...", ".a", "a.", "m²", "%", "100%", "a b", "?", "#", "\\"])
    def test_may_be_anything_that_an_address_can_quote(self, code: str):
        assert a_unit(code).code == code

    @pytest.mark.parametrize(("one", "other"), [("Mg", "mg"), ("M", "m"), ("đ", "d")])
    def test_is_told_apart_exactly(self, one: str, other: str):
        assert a_unit(one).code != a_unit(other).code


class TestDecimals:
    @pytest.mark.parametrize("decimals", range(7))
    def test_are_none_to_six(self, decimals: int):
        assert a_unit(decimals=decimals).decimals == decimals

    @pytest.mark.parametrize("decimals", [-1, 7, 10**30])
    def test_are_no_others(self, decimals: int):
        with faults(("/decimals", "out_of_range")):
            a_unit(decimals=decimals)


class TestChange:
    @pytest.mark.parametrize(("name", "value"), [("name", "két 24"), ("decimals", 2)])
    def test_makes_the_next_version(self, name: str, value: object):
        before = a_unit()
        change: Any = {name: value}
        changed = before.change(**change)
        assert getattr(changed, name) == value
        assert (changed.code, changed.version, before.version) == (before.code, 2, 1)

    def test_of_nothing_is_the_unit_itself(self):
        unit = a_unit(decimals=2)
        assert unit.change() is unit
        assert unit.change(name=unit.name, decimals=2) is unit

    def test_names_every_field_at_fault(self):
        with faults(("/name", "too_short"), ("/decimals", "out_of_range")):
            a_unit().change(name=" ", decimals=-1)
