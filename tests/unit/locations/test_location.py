"""When a location is valid, and what becomes of it when it is changed."""

from datetime import timedelta
from typing import Any

import pytest

from sokho.modules.locations.domain.entities import LocationKind, LocationStatus
from tests.fakes.locations import NOON, a_location
from tests.unit.faults import faults

LATER = NOON + timedelta(days=1)


class TestCreate:
    def test_trims_and_composes_the_code(self):
        assert a_location("  Ke\u0323\u0302-A ").code == "K\u1ec7-A"

    @pytest.mark.parametrize("code", ["a", "K" * 32, "A/1", "kho số 2", "."])
    def test_takes_a_code_of_one_line(self, code: str):
        assert a_location(code).code == code

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"code": " "}, ("/code", "too_short")),
            ({"code": "x" * 33}, ("/code", "too_long")),
            ({"code": "a\nb"}, ("/code", "invalid_character")),
            ({"code": "a\0"}, ("/code", "invalid_character")),
            ({"name": ""}, ("/name", "too_short")),
            ({"name": "x" * 256}, ("/name", "too_long")),
            ({"name": "a\ud800"}, ("/name", "invalid_character")),
        ],
    )
    def test_refuses_what_does_not_fit(self, changes: dict[str, Any], fault: tuple[str, str]):
        with faults(fault):
            a_location(**changes)

    def test_names_every_field_at_fault_and_its_place(self):
        with faults(("/code", "too_short"), ("/name", "too_short"), ("/parent_id", "required")):
            a_location(" ", name="", kind=LocationKind.BIN)

    def test_is_told_apart_by_code_where_case_does_not_count(self):
        assert a_location("KỆ-A").code_key == a_location("ke\u0323\u0302-a ").code_key


class TestChange:
    def test_makes_the_next_version(self):
        location = a_location("A")
        changed = location.change(now=LATER, code=" b ", name="Kho hai")
        assert (changed.code, changed.name, changed.version) == ("b", "Kho hai", 2)
        assert (changed.created_at, changed.updated_at) == (location.created_at, LATER)
        assert (changed.id, changed.kind) == (location.id, location.kind)

    def test_to_what_it_is_already_is_none(self):
        location = a_location("A")
        assert location.change(now=LATER, code=" A ", name=location.name) is location
        assert location.change(now=LATER) is location

    def test_refuses_what_does_not_fit(self):
        with faults(("/code", "too_long"), ("/name", "too_short")):
            a_location().change(now=LATER, code="x" * 33, name=" ")

    def test_leaves_alone_a_place_that_does_not_change(self):
        location = a_location(parent=a_location())
        assert location.change(now=LATER, name="Kệ B").parent_id == location.parent_id

    def test_archives(self):
        location = a_location()
        archived = location.change(now=LATER, status=LocationStatus.ARCHIVED)
        assert location.is_active
        assert not archived.is_active
