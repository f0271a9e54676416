"""Two transactions at once on one tree of locations, each step of them in a known order."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError
from sokho.core.domain.versions import ANY_VERSION
from sokho.core.infrastructure.database import Database, Transaction
from sokho.modules.locations.domain.entities import (
    LEVELS,
    Location,
    LocationKind,
    LocationStatus,
)
from sokho.modules.locations.domain.errors import LocationInUseError
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from tests.fakes.location_stores import LocationsInPostgres
from tests.integration.waiting import waiting
from tests.unit.faults import faults

ARCHIVED = LocationStatus.ARCHIVED


class Heedless(PostgresLocationRepo):
    """A repository that waits for nobody's turn: the control."""

    async def take_turn(self) -> None:
        """Go on at once."""


class Yard:
    """A tenant, and transactions on its tree that stay open for as long as a test needs."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self.tenant_id = tenant_id
        self.repo = PostgresLocationRepo

    def open(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction(self.tenant_id)

    def service(self, transaction: Transaction) -> LocationService:
        return LocationService(self.repo(transaction), transaction)

    async def create(self, code: str, parent: Location | None = None) -> Location:
        async with self.open() as transaction:
            return await self.create_in(transaction, code, parent)

    async def create_in(
        self, transaction: Transaction, code: str, parent: Location | None = None
    ) -> Location:
        parent_id = None if parent is None else parent.id
        return await self.service(transaction).create(
            self.tenant_id, code, "Kho", LocationKind.WAREHOUSE, parent_id=parent_id
        )

    async def patch(self, location: Location, **changes: Any) -> Location:
        async with self.open() as transaction:
            return await self.service(transaction).patch(location.id, ANY_VERSION, **changes)

    async def delete(self, location: Location) -> None:
        async with self.open() as transaction:
            await self.service(transaction).delete(location.id, ANY_VERSION)

    async def lineage(self, location: Location) -> list[Location]:
        async with self.open() as transaction:
            return [*await PostgresLocationRepo(transaction).lineage(location.id)]


@pytest.fixture
async def yard(database: Database) -> Yard:
    return Yard(database, await LocationsInPostgres(database).new_tenant())


class TestMoves:
    async def test_that_together_made_a_circle_are_not_both_made(self, yard: Yard):
        one, other = await yard.create("A"), await yard.create("B")
        async with yard.open() as transaction:
            moves = yard.service(transaction)
            await moves.patch(one.id, ANY_VERSION, parent_id=other.id)
            second = await waiting(yard.patch(other, parent_id=one.id))
        with faults(("/parent_id", "cycle")):
            await second
        assert [each.code for each in await yard.lineage(one)] == ["A", "B"]

    async def test_without_turns_would_make_a_circle(self, yard: Yard):
        """The control: the turn is what keeps the tree a tree."""
        yard.repo = Heedless
        one, other = await yard.create("A"), await yard.create("B")
        async with yard.open() as transaction:
            moves = yard.service(transaction)
            await moves.patch(one.id, ANY_VERSION, parent_id=other.id)
            await yard.patch(other, parent_id=one.id)
        assert len(await yard.lineage(one)) == LEVELS  # round and round

    async def test_that_together_went_too_deep_are_not_both_made(self, yard: Yard):
        chains = []
        for name in "AB":
            chain = [await yard.create(f"{name}0")]
            for level in range(1, LEVELS // 2):
                chain.append(await yard.create(f"{name}{level}", chain[-1]))
            chains.append(chain)
        one, other = chains
        async with yard.open() as transaction:
            moves = yard.service(transaction)
            await moves.patch(one[0].id, ANY_VERSION, parent_id=other[-1].id)
            second = await waiting(yard.create("C", one[-1]))
        with faults(("/parent_id", "too_deep")):
            await second


class TestArchiving:
    async def test_waits_for_what_comes_below_and_is_refused(self, yard: Yard):
        parent = await yard.create("A")
        async with yard.open() as transaction:
            await yard.create_in(transaction, "B", parent)
            archive = await waiting(yard.patch(parent, status=ARCHIVED))
        with pytest.raises(LocationInUseError):
            await archive

    async def test_keeps_out_what_comes_below(self, yard: Yard):
        parent = await yard.create("A")
        async with yard.open() as transaction:
            await yard.service(transaction).patch(parent.id, ANY_VERSION, status=ARCHIVED)
            create = await waiting(yard.create("B", parent))
        with faults(("/parent_id", "archived")):
            await create


class TestDeleting:
    async def test_waits_for_what_comes_below_and_is_refused(self, yard: Yard):
        parent = await yard.create("A")
        async with yard.open() as transaction:
            await yard.create_in(transaction, "B", parent)
            delete = await waiting(yard.delete(parent))
        with pytest.raises(LocationInUseError):
            await delete

    async def test_keeps_out_what_comes_below(self, yard: Yard):
        parent = await yard.create("A")
        async with yard.open() as transaction:
            await yard.service(transaction).delete(parent.id, ANY_VERSION)
            create = await waiting(yard.create("B", parent))
        with pytest.raises(InvalidError, match="/parent_id: unknown_location"):
            await create


class TestWhoDoesNotWait:
    async def test_changes_no_place_in_the_tree(self, yard: Yard):
        parent, other = await yard.create("A"), await yard.create("B")
        async with yard.open() as transaction:
            await yard.create_in(transaction, "C", parent)
            async with asyncio.timeout(1):
                assert (await yard.patch(other, name="Kho hai")).version == 2
                await yard.create("D")

    async def test_is_another_business(self, yard: Yard, database: Database):
        neighbour = Yard(database, await LocationsInPostgres(database).new_tenant())
        parent, theirs = await yard.create("A"), await neighbour.create("A")
        async with yard.open() as transaction:
            await yard.create_in(transaction, "B", parent)
            async with asyncio.timeout(1):
                await neighbour.create("B", theirs)
