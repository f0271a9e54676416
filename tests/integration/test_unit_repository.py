"""What every `UnitRepository` keeps: one suite over the fake and over PostgreSQL."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import fields, replace

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.infrastructure.database import Database
from sokho.modules.units.domain.entities import Unit
from sokho.modules.units.domain.errors import DuplicateUnitError, UnitNotFoundError
from tests.fakes.unit_stores import UnitsInMemory, UnitsInPostgres, UnitsStore
from tests.fakes.units import a_unit

# Their order by code point is not the order of any language.
CODES = ("đôi", "kg", "Kg", "m²", "m", "9", "É", "😀", "a'b", '"', "%")


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> UnitsStore:
    if request.param == "fake":
        return UnitsInMemory()
    return UnitsInPostgres(request.getfixturevalue("database"))


@pytest.fixture
async def tenant(store: UnitsStore) -> UUID:
    return await store.new_tenant()


@pytest.fixture
async def neighbour(store: UnitsStore) -> UUID:
    """Another tenant of the same store."""
    return await store.new_tenant()


async def stored(store: UnitsStore, tenant_id: UUID, *units: Unit) -> list[Unit]:
    """Create units in one call."""
    ours = [replace(unit, tenant_id=tenant_id) for unit in units]
    async with store.units(tenant_id) as repo:
        await repo.create(ours)
    return ours


async def found(store: UnitsStore, tenant_id: UUID, code: str) -> Unit | None:
    async with store.units(tenant_id) as repo:
        unit = await repo.get_by_code(code)
        assert await repo.hold(code) == unit
        return unit


async def listed(store: UnitsStore, tenant_id: UUID, **how: Any) -> list[str]:
    async with store.units(tenant_id) as repo:
        return [unit.code for unit in await repo.list(**how)]


class TestStoredFields:
    FULL = Unit(tenant_id=UUID(int=1), code="két", name="két 24 “chai”", decimals=3, version=7)

    def test_the_full_unit_leaves_no_field_at_its_default(self):
        for field in fields(Unit):
            assert getattr(self.FULL, field.name) != field.default, field.name

    @pytest.mark.parametrize("name", [field.name for field in fields(Unit)])
    async def test_each_comes_back_as_it_was_created(
        self, store: UnitsStore, tenant: UUID, name: str
    ):
        [unit] = await stored(store, tenant, self.FULL)
        read = await found(store, tenant, "két")
        assert getattr(read, name) == getattr(unit, name)

    @pytest.mark.parametrize("name", [field.name for field in fields(Unit)])
    async def test_each_comes_back_as_it_was_updated(
        self, store: UnitsStore, tenant: UUID, name: str
    ):
        [unit] = await stored(store, tenant, a_unit("két"))
        changed = unit.change(name="két 20", decimals=2)
        async with store.units(tenant) as repo:
            await repo.update(changed)
        assert getattr(await found(store, tenant, "két"), name) == getattr(changed, name)


class TestCreateUnits:
    async def test_stores_each(self, store: UnitsStore, tenant: UUID):
        units = await stored(store, tenant, *(a_unit(code) for code in CODES))
        for unit in units:
            assert await found(store, tenant, unit.code) == unit

    async def test_refuses_a_code_that_is_there_and_stores_none(
        self, store: UnitsStore, tenant: UUID
    ):
        [first] = await stored(store, tenant, a_unit("két"))
        with pytest.raises(DuplicateUnitError):
            await stored(store, tenant, a_unit("vại"), a_unit("két", name="khác"))
        assert await listed(store, tenant) == ["két"]
        assert await found(store, tenant, "két") == first

    async def test_tells_apart_what_differs_in_case_alone(self, store: UnitsStore, tenant: UUID):
        await stored(store, tenant, a_unit("Mg"), a_unit("mg"))
        assert await listed(store, tenant) == ["Mg", "mg"]


class TestGetUnit:
    @pytest.mark.parametrize("code", ["KÉT", "két", "ké", "", "ke\u0301t ", "'"])
    async def test_finds_nothing_under_another_code(
        self, store: UnitsStore, tenant: UUID, code: str
    ):
        await stored(store, tenant, a_unit("Két"))
        assert await found(store, tenant, code) is None


class TestUpdateUnit:
    async def test_refuses_a_stale_version(self, store: UnitsStore, tenant: UUID):
        [unit] = await stored(store, tenant, a_unit())
        for version in (1, 3, 4):
            with pytest.raises(PreconditionFailedError):
                async with store.units(tenant) as repo:
                    await repo.update(replace(unit, version=version, name="đến sau"))
        assert await found(store, tenant, unit.code) == unit

    async def test_refuses_a_unit_that_is_not_there(self, store: UnitsStore, tenant: UUID):
        with pytest.raises(UnitNotFoundError):
            async with store.units(tenant) as repo:
                await repo.update(replace(a_unit(), tenant_id=tenant, version=2))


class TestListUnits:
    async def test_is_in_the_order_of_code_points(self, store: UnitsStore, tenant: UUID):
        await stored(store, tenant, *(a_unit(code) for code in CODES))
        assert await listed(store, tenant) == sorted(CODES)
        assert await listed(store, tenant, descending=True) == sorted(CODES, reverse=True)

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("limit", [1, 4, 20])
    async def test_resumed_page_by_page_shows_each_once(
        self, store: UnitsStore, tenant: UUID, limit: int, descending: bool
    ):
        await stored(store, tenant, *(a_unit(code) for code in CODES))
        seen: list[str] = []
        while page := await listed(
            store,
            tenant,
            limit=limit,
            descending=descending,
            after=(seen[-1],) if seen else None,
        ):
            assert len(page) <= limit
            seen += page
        assert seen == sorted(CODES, reverse=descending)

    async def test_skips_an_offset(self, store: UnitsStore, tenant: UUID):
        await stored(store, tenant, *(a_unit(code) for code in CODES))
        assert await listed(store, tenant, offset=2, limit=3) == sorted(CODES)[2:5]
        assert await listed(store, tenant, offset=len(CODES)) == []


class TestAnotherTenant:
    async def test_sees_and_changes_nothing(self, store: UnitsStore, tenant: UUID, neighbour: UUID):
        [unit] = await stored(store, tenant, a_unit())
        assert await found(store, neighbour, unit.code) is None
        assert await listed(store, neighbour) == []
        for claimed in (tenant, neighbour):
            with pytest.raises(UnitNotFoundError):
                async with store.units(neighbour) as repo:
                    await repo.update(replace(unit, tenant_id=claimed, version=2, name="lấy"))
        assert await found(store, tenant, unit.code) == unit

    async def test_may_use_the_same_code(self, store: UnitsStore, tenant: UUID, neighbour: UUID):
        await stored(store, tenant, a_unit("két", decimals=1))
        [theirs] = await stored(store, neighbour, a_unit("két", decimals=2))
        assert await found(store, neighbour, "két") == theirs


class TestHasStock:
    async def test_is_of_no_unit_that_nothing_is_told_in(
        self, store: UnitsStore, tenant: UUID, neighbour: UUID
    ):
        [unit] = await stored(store, tenant, a_unit())
        for tenant_id in (tenant, neighbour):
            async with store.units(tenant_id) as repo:
                assert not await repo.has_stock(unit.code)


class TestPostgresUnitRepo:
    async def test_cannot_store_a_unit_under_another_tenant(self, database: Database):
        store = UnitsInPostgres(database)
        tenant, neighbour = await store.new_tenant(), await store.new_tenant()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.units(tenant) as repo:
                await repo.create([replace(a_unit(), tenant_id=neighbour)])
        assert await listed(store, neighbour) == []
