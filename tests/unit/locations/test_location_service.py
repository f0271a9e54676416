"""The operations on locations, over a store in memory."""

from typing import Any
from uuid import UUID

import pytest

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.domain.paging import Sort
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.modules.locations.domain.entities import LEVELS, Location, LocationKind, LocationStatus
from sokho.modules.locations.domain.errors import (
    DuplicateLocationError,
    LocationHasStockError,
    LocationInUseError,
    LocationNotFoundError,
)
from sokho.modules.locations.domain.repository import LocationFilter
from sokho.modules.locations.domain.service import LocationService
from tests.fakes.events import FakeEventLog
from tests.fakes.locations import NOON, FakeLocationRepo, LocationStore
from tests.unit.faults import faults

OURS, THEIRS = UUID(int=1), UUID(int=2)
WAREHOUSE, BIN = LocationKind.WAREHOUSE, LocationKind.BIN
ARCHIVED, ACTIVE = LocationStatus.ARCHIVED, LocationStatus.ACTIVE
FIRST, SECOND = ExpectedVersion({1}), ExpectedVersion({2})


@pytest.fixture
def store() -> LocationStore:
    return LocationStore()


@pytest.fixture
def log() -> FakeEventLog:
    return FakeEventLog()


@pytest.fixture
def locations(store: LocationStore, log: FakeEventLog) -> LocationService:
    return LocationService(FakeLocationRepo(OURS, store), log, clock=lambda: NOON)


async def a_warehouse(
    locations: LocationService, code: str = "A", parent: Location | None = None, **given: Any
) -> Location:
    if parent is not None:
        given["parent_id"] = parent.id
    return await locations.create(OURS, code, "Kho", WAREHOUSE, **given)


async def a_chain(locations: LocationService, length: int, code: str = "A") -> list[Location]:
    """Make warehouses one below another, the highest first."""
    chain: list[Location] = []
    for level in range(length):
        chain.append(await a_warehouse(locations, f"{code}{level}", *chain[-1:]))
    return chain


class TestCreateLocation:
    async def test_stores_what_it_answers(self, locations: LocationService, log: FakeEventLog):
        parent = await a_warehouse(locations)
        shelf = await locations.create(
            OURS, " kệ ", "Kệ", BIN, parent_id=parent.id, status=ARCHIVED
        )
        assert (shelf.code, shelf.kind, shelf.parent_id) == ("kệ", BIN, parent.id)
        assert await locations.get(shelf.id) == shelf
        assert log.types == ["location.created"] * 2
        assert log.events[1].changes["parent_id"] == {"after": parent.id}

    async def test_refuses_a_code_that_is_taken(self, locations: LocationService):
        await a_warehouse(locations, "a")
        with pytest.raises(DuplicateLocationError):
            await a_warehouse(locations, "A ")

    async def test_refuses_another_businesses_parent_as_one_that_is_not_there(
        self, locations: LocationService, store: LocationStore
    ):
        neighbours = LocationService(FakeLocationRepo(THEIRS, store), FakeEventLog())
        theirs = await neighbours.create(THEIRS, "A", "Kho", WAREHOUSE)
        for parent_id in (theirs.id, new_id()):
            with faults(("/parent_id", "unknown_location")):
                await locations.create(OURS, "B", "Kệ", BIN, parent_id=parent_id)

    async def test_refuses_what_is_too_deep(self, locations: LocationService):
        *_, last = await a_chain(locations, LEVELS)
        with faults(("/parent_id", "too_deep")):
            await a_warehouse(locations, "B", last)

    async def test_of_something_active_needs_an_active_parent(self, locations: LocationService):
        parent = await a_warehouse(locations, status=ARCHIVED)
        with faults(("/parent_id", "archived")):
            await a_warehouse(locations, "B", parent)
        await a_warehouse(locations, "B", parent, status=ARCHIVED)


class TestCreateFirst:
    async def test_is_a_warehouse_to_post_to_at_once(self, locations: LocationService):
        first = await locations.create_first(OURS)
        assert (first.code, first.name, first.kind) == ("KHO", "Kho chính", WAREHOUSE)
        assert first.is_active


class TestListLocations:
    async def test_hands_on_filter_order_and_page(self, locations: LocationService):
        for code in "dbac":
            await a_warehouse(locations, code)
        await a_warehouse(locations, "z", status=ARCHIVED)

        async def codes(**how: Any) -> str:
            active = LocationFilter(status=ACTIVE)
            found = await locations.list(active, sort=Sort("code", descending=True), **how)
            return "".join(each.code for each in found)

        assert await codes() == "dcba"
        assert await codes(offset=1, limit=2) == "cb"


class TestPatchLocation:
    async def test_stores_what_it_answers(self, locations: LocationService, log: FakeEventLog):
        location = await a_warehouse(locations)
        patched = await locations.patch(location.id, FIRST, code="B", name="Kho hai")
        assert (patched.code, patched.name, patched.version) == ("B", "Kho hai", 2)
        assert await locations.get(location.id) == patched
        assert log.types == ["location.created", "location.updated"]
        assert log.events[1].changes["code"] == {"before": "A", "after": "B"}

    async def test_that_changes_nothing_is_not_told(
        self, locations: LocationService, log: FakeEventLog
    ):
        location = await a_warehouse(locations)
        same: dict[str, Any] = {"code": "A", "parent_id": None, "status": ACTIVE}
        assert await locations.patch(location.id, FIRST, **same) == location
        assert log.types == ["location.created"]

    async def test_refuses_another_version_before_it_judges_the_change(
        self, locations: LocationService
    ):
        location = await a_warehouse(locations)
        for changes in ({"name": ""}, {"parent_id": new_id()}):
            with pytest.raises(PreconditionFailedError):
                await locations.patch(location.id, SECOND, **changes)

    async def test_tells_that_it_is_not_there(self, locations: LocationService):
        with pytest.raises(LocationNotFoundError):
            await locations.patch(new_id(), ANY_VERSION, name="x")

    async def test_names_every_field_at_fault(self, locations: LocationService):
        location = await a_warehouse(locations)
        with faults(("/code", "too_long"), ("/parent_id", "unknown_location")):
            await locations.patch(location.id, FIRST, code="x" * 33, parent_id=new_id())

    async def test_moves_all_that_hangs_below(self, locations: LocationService):
        top, middle, bottom = await a_chain(locations, 3)
        other = await a_warehouse(locations, "B")
        moved = await locations.patch(middle.id, FIRST, parent_id=other.id)
        assert (moved.parent_id, (await locations.get(bottom.id)).parent_id) == (
            other.id,
            middle.id,
        )
        assert (await locations.patch(middle.id, SECOND, parent_id=None)).parent_id is None
        assert await locations.get(top.id) == top

    async def test_moves_nothing_below_itself(self, locations: LocationService):
        chain = await a_chain(locations, 3)
        for target in chain:
            with faults(("/parent_id", "cycle")):
                await locations.patch(chain[0].id, FIRST, parent_id=target.id)

    async def test_moves_nothing_so_that_the_lowest_is_too_deep(self, locations: LocationService):
        chain = await a_chain(locations, LEVELS - 1)
        top, _ = await a_chain(locations, 2, "B")
        with faults(("/parent_id", "too_deep")):
            await locations.patch(top.id, FIRST, parent_id=chain[-1].id)
        await locations.patch(top.id, FIRST, parent_id=chain[-2].id)

    async def test_moves_nothing_active_below_what_is_archived(self, locations: LocationService):
        archived = await a_warehouse(locations, "A", status=ARCHIVED)
        location = await a_warehouse(locations, "B")
        with faults(("/parent_id", "archived")):
            await locations.patch(location.id, FIRST, parent_id=archived.id)
        both: dict[str, Any] = {"parent_id": archived.id, "status": ARCHIVED}
        moved = await locations.patch(location.id, FIRST, **both)
        with faults(("/parent_id", "archived")):
            await locations.patch(moved.id, SECOND, status=ACTIVE)

    async def test_archives_nothing_with_goods_at_it(
        self, locations: LocationService, store: LocationStore, log: FakeEventLog
    ):
        location = await a_warehouse(locations)
        store.stocked.add(location.id)
        with pytest.raises(LocationHasStockError):
            await locations.patch(location.id, FIRST, status=ARCHIVED)
        assert (await locations.patch(location.id, FIRST, name="Kho hai")).is_active
        store.stocked.clear()
        assert not (await locations.patch(location.id, SECOND, status=ARCHIVED)).is_active
        assert log.types == ["location.created", *["location.updated"] * 2]

    async def test_archives_nothing_above_what_is_active(self, locations: LocationService):
        top, middle, bottom = await a_chain(locations, 3)
        for above in (top, middle):
            with pytest.raises(LocationInUseError):
                await locations.patch(above.id, FIRST, status=ARCHIVED)
        for each in (bottom, middle, top):
            await locations.patch(each.id, FIRST, status=ARCHIVED)
        for each in (top, middle, bottom):
            await locations.patch(each.id, SECOND, status=ACTIVE)


class TestDeleteLocation:
    async def test_removes_it(self, locations: LocationService, log: FakeEventLog):
        location = await a_warehouse(locations)
        await locations.delete(location.id, FIRST)
        with pytest.raises(LocationNotFoundError):
            await locations.get(location.id)
        assert log.types == ["location.created", "location.deleted"]

    async def test_refuses_another_version(self, locations: LocationService):
        location = await a_warehouse(locations)
        with pytest.raises(PreconditionFailedError):
            await locations.delete(location.id, SECOND)
        assert await locations.get(location.id) == location

    async def test_refuses_what_others_lie_in_though_they_are_archived(
        self, locations: LocationService
    ):
        parent = await a_warehouse(locations)
        await a_warehouse(locations, "B", parent, status=ARCHIVED)
        with pytest.raises(LocationInUseError):
            await locations.delete(parent.id, FIRST)

    async def test_tells_that_it_is_not_there(self, locations: LocationService):
        with pytest.raises(LocationNotFoundError):
            await locations.delete(new_id(), ANY_VERSION)
