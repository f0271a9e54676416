"""How every `LocationRepository` filters, orders and pages: over the fake and over PostgreSQL."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from msgspec import structs

from sokho.core.domain.paging import Position, Sort
from sokho.modules.locations.domain.entities import Location, LocationKind, LocationStatus
from sokho.modules.locations.domain.repository import LocationFilter
from tests.fakes.location_stores import (
    LocationsInMemory,
    LocationsInPostgres,
    LocationsStore,
    listed,
    stored,
)
from tests.fakes.locations import a_location

SORTS: Final = [
    Sort(field, descending=descending)
    for field in ("id", "code", "created_at", "updated_at")
    for descending in (False, True)
]

# Their order by code point is not the order of any language, nor that of their creation.
CODES: Final = ("b", "A", "đ", "e", "É", "a-1", "A 1", "9", "10", "_", "ơ", "😀", "z")


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> LocationsStore:
    if request.param == "fake":
        return LocationsInMemory()
    return LocationsInPostgres(request.getfixturevalue("database"))


@pytest.fixture
async def tenant(store: LocationsStore) -> UUID:
    return await store.new_tenant()


async def a_varied_house(store: LocationsStore, tenant: UUID) -> list[Location]:
    """Store locations of three instants, several of each, the first of them changed last."""
    groups = (CODES[:5], CODES[5:6], CODES[6:])
    locations = [
        location
        for group in groups
        for location in await stored(store, tenant, *(a_location(code) for code in group))
    ]
    async with store.locations(tenant) as repo:
        for place in (0, 1):
            locations[place] = await repo.update(structs.replace(locations[place], version=2))
    return locations


def position_of(location: Location, sort: Sort) -> Position:
    values: dict[str, str | datetime] = {
        "code": location.code_key,
        "created_at": location.created_at,
        "updated_at": location.updated_at,
    }
    return (values[sort.field], location.id) if sort.field in values else (location.id,)


def in_order(locations: list[Location], sort: Sort) -> list[Location]:
    """Return the order that the contract asks for: by value, then by id, both one way."""

    def place(location: Location) -> Any:
        return position_of(location, sort)

    return sorted(locations, key=place, reverse=sort.descending)


@pytest.mark.parametrize("sort", SORTS, ids=str)
class TestSortedList:
    async def test_is_in_order(self, store: LocationsStore, tenant: UUID, sort: Sort):
        locations = await a_varied_house(store, tenant)
        assert await listed(store, tenant, sort=sort) == in_order(locations, sort)

    @pytest.mark.parametrize("limit", [1, 5])
    async def test_resumed_page_by_page_shows_each_once(
        self, store: LocationsStore, tenant: UUID, sort: Sort, limit: int
    ):
        locations = await a_varied_house(store, tenant)
        seen: list[Location] = []
        while page := await listed(
            store,
            tenant,
            sort=sort,
            limit=limit,
            after=position_of(seen[-1], sort) if seen else None,
        ):
            assert len(page) <= limit
            seen += page
            assert len(seen) <= len(locations)
        assert seen == in_order(locations, sort)

    async def test_skips_an_offset(self, store: LocationsStore, tenant: UUID, sort: Sort):
        locations = in_order(await a_varied_house(store, tenant), sort)
        assert await listed(store, tenant, sort=sort, offset=3, limit=4) == locations[3:7]
        assert await listed(store, tenant, sort=sort, offset=len(locations)) == []


class TestFilteredList:
    """`EACH` has an entry per condition: a new one without a test fails here."""

    EACH: Final[dict[str, object]] = {
        "code_key": "kệ-a1",
        "kind": LocationKind.BIN,
        "status": LocationStatus.ARCHIVED,
    }

    def test_every_condition_has_its_test(self):
        conditions = {field.name for field in fields(LocationFilter)}
        assert conditions == self.EACH.keys() | {"parent_id", "updated_since"}

    @pytest.mark.parametrize("condition", EACH)
    async def test_shows_only_what_fits(self, store: LocationsStore, tenant: UUID, condition: str):
        parent = a_location()
        fitting = a_location("KỆ-A1", parent, status=LocationStatus.ARCHIVED)
        _, expected, _ = await stored(store, tenant, parent, fitting, a_location("KỆ-A"))
        given: dict[str, Any] = {condition: self.EACH[condition]}
        assert await listed(store, tenant, LocationFilter(**given)) == [expected]

    async def test_shows_what_lies_right_below(self, store: LocationsStore, tenant: UUID):
        top = a_location()
        middle = a_location(parent=top)
        bottom = a_location(parent=middle)
        top, middle, bottom = await stored(store, tenant, top, middle, bottom)
        for parent, expected in ((top, [middle]), (middle, [bottom]), (bottom, [])):
            found = await listed(store, tenant, LocationFilter(parent_id=parent.id))
            assert found == expected

    async def test_shows_what_changed_at_an_instant_or_later(
        self, store: LocationsStore, tenant: UUID
    ):
        [old] = await stored(store, tenant, a_location())
        [new] = await stored(store, tenant, a_location())
        just_after = new.updated_at + timedelta(microseconds=1)
        for since, expected in (
            (old.updated_at, {old.id, new.id}),
            (new.updated_at, {new.id}),
            (just_after, set()),
        ):
            answer = await listed(store, tenant, LocationFilter(updated_since=since))
            assert {location.id for location in answer} == expected

    async def test_shows_what_fits_every_condition(self, store: LocationsStore, tenant: UUID):
        top, other = a_location("T"), a_location("O")
        wanted = a_location("A", top)
        elsewhere = a_location("B", other)
        _, _, wanted, _ = await stored(store, tenant, top, other, wanted, elsewhere)
        every = LocationFilter(
            code_key="a",
            kind=LocationKind.BIN,
            status=LocationStatus.ACTIVE,
            parent_id=top.id,
            updated_since=wanted.updated_at,
        )
        assert await listed(store, tenant, every) == [wanted]
        assert await listed(store, tenant, replace(every, parent_id=other.id)) == []
