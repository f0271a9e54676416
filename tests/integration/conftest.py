"""The stores that contract suites run over."""

from uuid import UUID

import pytest

from tests.fakes.item_stores import InMemory, InPostgres, Store


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return InMemory()
    return InPostgres(request.getfixturevalue("database"), request.getfixturevalue("derived_keys"))


@pytest.fixture
async def tenant(store: Store) -> UUID:
    return await store.new_tenant()


@pytest.fixture
async def neighbour(store: Store) -> UUID:
    """Another tenant of the same store."""
    return await store.new_tenant()
