"""A service on a database of the test's own, and ways to take its seal apart."""

from collections.abc import AsyncIterator

import pytest

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.altered_function import ENTER, altering
from tests.conftest import settings_for
from tests.sealing.stripping import Stripper
from tests.sealing.world import World, world_of


@pytest.fixture
async def world(scratch: DatabaseUrls) -> AsyncIterator[World]:
    async with world_of(create_app(settings_for(scratch)), scratch) as world:
        yield world


@pytest.fixture
async def without_predicates(world: World, monkeypatch: pytest.MonkeyPatch) -> Stripper:
    """Take the tenant predicates out of every statement that runs, also in the function."""
    await world.admin.execute(altering(ENTER, "tenant_id = tenant", "tenant_id IS NOT NULL"))
    stripper = Stripper(world.tables)
    stripper.install(monkeypatch)
    return stripper


@pytest.fixture
async def without_row_security(world: World) -> None:
    """Switch row-level security off, on every table."""
    for table in world.tables:
        await world.admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
