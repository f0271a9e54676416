"""A service on a database of the test's own, to break."""

from collections.abc import AsyncIterator

import pytest

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.conftest import settings_for
from tests.sealing.world import World, world_of


@pytest.fixture
async def world(scratch: DatabaseUrls) -> AsyncIterator[World]:
    async with world_of(create_app(settings_for(scratch)), scratch) as world:
        yield world
