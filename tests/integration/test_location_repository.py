"""What every `LocationRepository` keeps: one suite over the fake and over PostgreSQL."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import fields, replace

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.modules.locations.domain.entities import LEVELS, Location, LocationStatus
from sokho.modules.locations.domain.errors import (
    DuplicateLocationError,
    LocationInUseError,
    LocationNotFoundError,
)
from tests.fakes.location_stores import (
    LocationsInMemory,
    LocationsInPostgres,
    LocationsStore,
    found,
    listed,
    stored,
)
from tests.fakes.locations import NOON, a_full_location, a_location

COMPOSED: Final = "K\u1ec6-A"
DECOMPOSED: Final = "ke\u0323\u0302-a"

THE_STORES_OWN: Final = {"created_at", "updated_at"}

every_field = pytest.mark.parametrize("name", [field.name for field in fields(Location)])


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> LocationsStore:
    if request.param == "fake":
        return LocationsInMemory()
    return LocationsInPostgres(request.getfixturevalue("database"))


@pytest.fixture
async def tenant(store: LocationsStore) -> UUID:
    return await store.new_tenant()


@pytest.fixture
async def neighbour(store: LocationsStore) -> UUID:
    """Another tenant of the same store."""
    return await store.new_tenant()


async def a_chain(store: LocationsStore, tenant: UUID, length: int) -> list[Location]:
    """Store locations one below another, the highest first."""
    chain = [a_location()]
    while len(chain) < length:
        chain.append(a_location(parent=chain[-1]))
    return await stored(store, tenant, *chain)


class TestStoredFields:
    def test_the_full_location_leaves_no_field_at_its_default(self):
        location = a_full_location(a_location())
        for field in fields(Location):
            assert getattr(location, field.name) != field.default, field.name

    @every_field
    async def test_each_comes_back_as_it_was_created(
        self, store: LocationsStore, tenant: UUID, name: str
    ):
        [parent] = await stored(store, tenant, a_location())
        location = a_full_location(parent, tenant_id=tenant)
        [answered] = await stored(store, tenant, location)
        read = await found(store, tenant, location.id)
        _, in_list = await listed(store, tenant)
        assert getattr(answered, name) == getattr(read, name) == getattr(in_list, name)
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(location, name)

    @every_field
    async def test_each_comes_back_as_it_was_updated(
        self, store: LocationsStore, tenant: UUID, name: str
    ):
        parent, before = await stored(store, tenant, a_location(), a_location())
        changed = replace(a_full_location(parent), id=before.id, tenant_id=tenant, version=2)
        async with store.locations(tenant) as repo:
            answered = await repo.update(changed)
        read = await found(store, tenant, before.id)
        assert getattr(answered, name) == getattr(read, name)
        if name not in THE_STORES_OWN:
            assert getattr(read, name) == getattr(changed, name)

    async def test_its_timestamps_are_the_stores(self, store: LocationsStore, tenant: UUID):
        [created] = await stored(store, tenant, a_location())
        assert created.created_at == created.updated_at != NOON
        async with store.locations(tenant) as repo:
            later = datetime(2040, 1, 1, tzinfo=UTC)
            updated = await repo.update(
                replace(created, version=2, created_at=later, updated_at=later)
            )
        assert updated.created_at == created.created_at < updated.updated_at < later


class TestCreateLocation:
    @pytest.mark.parametrize(
        ("code", "again"), [("a-1", "A-1"), ("A", "A"), (COMPOSED, DECOMPOSED), ("ß", "SS")]
    )
    async def test_refuses_a_duplicate_code_ignoring_case_and_composition(
        self, store: LocationsStore, tenant: UUID, code: str, again: str
    ):
        await stored(store, tenant, a_location(code))
        with pytest.raises(DuplicateLocationError):
            await stored(store, tenant, a_location(again))
        assert [each.code for each in await listed(store, tenant)] == [code]

    async def test_refuses_a_parent_that_is_not_there(self, store: LocationsStore, tenant: UUID):
        with pytest.raises(InvalidError, match="/parent_id: unknown_location"):
            await stored(store, tenant, a_location(parent=a_location()))
        assert await listed(store, tenant) == []


class TestUpdateLocation:
    async def test_refuses_a_stale_version(self, store: LocationsStore, tenant: UUID):
        [location] = await stored(store, tenant, a_location())
        for version in (1, 3):
            with pytest.raises(PreconditionFailedError):
                async with store.locations(tenant) as repo:
                    await repo.update(replace(location, version=version, name="đến sau"))
        assert await found(store, tenant, location.id) == location

    async def test_refuses_what_is_not_there(self, store: LocationsStore, tenant: UUID):
        with pytest.raises(LocationNotFoundError):
            async with store.locations(tenant) as repo:
                await repo.update(replace(a_location(), tenant_id=tenant, version=2))

    async def test_refuses_the_code_of_another(self, store: LocationsStore, tenant: UUID):
        _, location = await stored(store, tenant, a_location("A"), a_location("B"))
        with pytest.raises(DuplicateLocationError):
            async with store.locations(tenant) as repo:
                await repo.update(replace(location, version=2, code="a"))

    async def test_refuses_a_parent_that_is_not_there(self, store: LocationsStore, tenant: UUID):
        [location] = await stored(store, tenant, a_location())
        with pytest.raises(InvalidError, match="/parent_id: unknown_location"):
            async with store.locations(tenant) as repo:
                await repo.update(replace(location, version=2, parent_id=new_id()))


class TestDeleteLocation:
    async def test_removes_it_and_frees_its_code(self, store: LocationsStore, tenant: UUID):
        [location] = await stored(store, tenant, a_location("A"))
        for was_there in (True, False):
            async with store.locations(tenant) as repo:
                assert await repo.delete(location.id) is was_there
        await stored(store, tenant, a_location("A"))

    async def test_refuses_what_others_lie_in(self, store: LocationsStore, tenant: UUID):
        parent, child = await a_chain(store, tenant, 2)
        with pytest.raises(LocationInUseError):
            async with store.locations(tenant) as repo:
                await repo.delete(parent.id)
        async with store.locations(tenant) as repo:
            await repo.delete(child.id)
            await repo.delete(parent.id)
        assert await listed(store, tenant) == []


class TestLineage:
    async def test_is_a_location_and_what_is_above_it(self, store: LocationsStore, tenant: UUID):
        chain = await a_chain(store, tenant, 4)
        await stored(store, tenant, a_location(), a_location(parent=chain[1]))
        async with store.locations(tenant) as repo:
            for index, location in enumerate(chain):
                assert [*await repo.lineage(location.id)] == chain[index::-1]

    async def test_of_what_is_not_there_is_empty(self, store: LocationsStore, tenant: UUID):
        async with store.locations(tenant) as repo:
            assert [*await repo.lineage(new_id())] == []

    async def test_ends_even_where_the_rows_go_in_a_circle(
        self, store: LocationsStore, tenant: UUID
    ):
        top, *_, bottom = await a_chain(store, tenant, 3)
        async with store.locations(tenant) as repo:
            await repo.update(replace(top, parent_id=bottom.id, version=2))
            assert len(await repo.lineage(top.id)) == LEVELS


class TestLevelsBelow:
    async def test_counts_the_longest_way_down(self, store: LocationsStore, tenant: UUID):
        chain = await a_chain(store, tenant, LEVELS)
        await stored(store, tenant, a_location(parent=chain[0]), a_location())
        async with store.locations(tenant) as repo:
            for index, location in enumerate(chain):
                assert await repo.levels_below(location.id) == LEVELS - 1 - index
            assert await repo.levels_below(new_id()) == 0


class TestHasActiveBelow:
    async def test_looks_right_below_it_for_what_is_active(
        self, store: LocationsStore, tenant: UUID
    ):
        top, middle, _ = await a_chain(store, tenant, 3)
        async with store.locations(tenant) as repo:
            assert await repo.has_active_below(top.id)
            await repo.update(replace(middle, status=LocationStatus.ARCHIVED, version=2))
            assert not await repo.has_active_below(top.id)
            assert await repo.has_active_below(middle.id)


class TestAnotherTenant:
    async def test_sees_and_changes_nothing(
        self, store: LocationsStore, tenant: UUID, neighbour: UUID
    ):
        parent, child = await a_chain(store, tenant, 2)
        assert await found(store, neighbour, child.id) is None
        assert await listed(store, neighbour) == []
        async with store.locations(neighbour) as repo:
            assert [*await repo.lineage(child.id)] == []
            assert await repo.levels_below(parent.id) == 0
            assert not await repo.has_active_below(parent.id)
            assert not await repo.delete(child.id)
        for claimed in (tenant, neighbour):
            with pytest.raises(LocationNotFoundError):
                async with store.locations(neighbour) as repo:
                    await repo.update(replace(child, tenant_id=claimed, version=2, name="lấy"))
        assert await found(store, tenant, child.id) == child

    async def test_is_no_parent(self, store: LocationsStore, tenant: UUID, neighbour: UUID):
        [theirs] = await stored(store, tenant, a_location())
        with pytest.raises(InvalidError, match="/parent_id: unknown_location"):
            await stored(store, neighbour, a_location(parent=theirs))

    async def test_may_use_the_same_code(
        self, store: LocationsStore, tenant: UUID, neighbour: UUID
    ):
        await stored(store, tenant, a_location("KHO"))
        [theirs] = await stored(store, neighbour, a_location("KHO"))
        assert await listed(store, neighbour) == [theirs]


class TestHoldStock:
    async def test_finds_nothing_where_nothing_has_been(
        self, store: LocationsStore, tenant: UUID, neighbour: UUID
    ):
        [location] = await stored(store, tenant, a_location())
        for tenant_id in (tenant, neighbour):
            async with store.locations(tenant_id) as repo:
                assert not await repo.hold_stock(location.id)


class TestPostgresLocationRepo:
    async def test_cannot_store_a_location_under_another_tenant(self, database: Database):
        store = LocationsInPostgres(database)
        tenant, neighbour = await store.new_tenant(), await store.new_tenant()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.locations(tenant) as repo:
                await repo.create(a_location(tenant_id=neighbour))

    @pytest.mark.parametrize(
        "changes", [{"parent_id": UUID(int=5), "id": UUID(int=5)}, {"parent_id": None}]
    )
    async def test_holds_the_database_itself_to_what_one_row_tells(
        self, database: Database, changes: dict[str, Any]
    ):
        store = LocationsInPostgres(database)
        tenant = await store.new_tenant()
        [parent] = await stored(store, tenant, a_location())
        a_bin = a_location(parent=parent)
        with pytest.raises(Exception, match="locations_parent_check"):
            await stored(store, tenant, replace(a_bin, **changes))
