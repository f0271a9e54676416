"""Where a location may stand in the tree."""

from typing import Final

import pytest
from msgspec.structs import replace

from sokho.modules.locations.domain.entities import (
    LEVELS,
    Location,
    LocationKind,
    LocationStatus,
    Place,
)
from tests.fakes.locations import a_location

WAREHOUSE, BIN, TRANSIT = LocationKind.WAREHOUSE, LocationKind.BIN, LocationKind.TRANSIT
ARCHIVED, ACTIVE = LocationStatus.ARCHIVED, LocationStatus.ACTIVE

FITTING: Final = {
    (WAREHOUSE, None),
    (WAREHOUSE, WAREHOUSE),
    (BIN, WAREHOUSE),
    (BIN, BIN),
    (TRANSIT, None),
    (TRANSIT, WAREHOUSE),
}


def a_parent(kind: LocationKind = WAREHOUSE, status: LocationStatus = ACTIVE) -> Location:
    return replace(a_location(), kind=kind, status=status)


def below(
    parent: Location | None, kind: LocationKind = BIN, status: LocationStatus = ACTIVE
) -> Location:
    parent_id = None if parent is None else parent.id
    return replace(a_location(), kind=kind, status=status, parent_id=parent_id)


def codes(place: Place, location: Location) -> list[str]:
    found = [*place.faults(location)]
    assert {fault.pointer for fault in found} <= {"/parent_id"}
    return [fault.code for fault in found]


class TestKind:
    @pytest.mark.parametrize("kind", LocationKind)
    @pytest.mark.parametrize("above", LocationKind)
    def test_decides_what_it_may_lie_in(self, kind: LocationKind, above: LocationKind):
        parent = a_parent(above)
        expected = [] if (kind, above) in FITTING else ["wrong_kind"]
        assert codes(Place([parent]), below(parent, kind)) == expected

    @pytest.mark.parametrize("kind", LocationKind)
    def test_decides_whether_it_may_lie_in_nothing(self, kind: LocationKind):
        expected = [] if (kind, None) in FITTING else ["required"]
        assert codes(Place(), below(None, kind)) == expected


class TestParent:
    def test_that_is_not_there_is_unknown(self):
        assert codes(Place(), below(a_parent())) == ["unknown_location"]

    @pytest.mark.parametrize("status", LocationStatus)
    def test_that_is_archived_takes_nothing_active(self, status: LocationStatus):
        parent = a_parent(status=ARCHIVED)
        expected = ["archived"] if status is ACTIVE else []
        assert codes(Place([parent]), below(parent, status=status)) == expected

    def test_that_is_active_takes_what_is_archived(self):
        parent = a_parent()
        assert codes(Place([parent]), below(parent, status=ARCHIVED)) == []

    def test_cannot_be_the_location_itself_nor_anything_below_it(self):
        top = a_location()
        middle = below(top, WAREHOUSE)
        bottom = below(middle, WAREHOUSE)
        for above in ([top], [middle, top], [bottom, middle, top]):
            moved = replace(top, parent_id=above[0].id)
            assert codes(Place(above), moved) == ["cycle"]
        assert codes(Place([middle, top]), bottom) == []


class TestDepth:
    @pytest.mark.parametrize("levels_below", range(LEVELS))
    def test_counts_what_is_above_and_what_hangs_below(self, levels_below: int):
        most = LEVELS - 1 - levels_below
        chain = [a_parent() for _ in range(most + 1)]
        location = below(chain[0], WAREHOUSE)
        if most:
            assert codes(Place(chain[:most], levels_below), location) == []
        assert codes(Place(chain, levels_below), location) == ["too_deep"]


class TestFaults:
    def test_are_all_told(self):
        parent = a_parent(BIN, ARCHIVED)
        above = [parent, *(a_parent() for _ in range(LEVELS))]
        expected = ["wrong_kind", "archived", "too_deep"]
        assert codes(Place(above), below(parent, TRANSIT)) == expected
