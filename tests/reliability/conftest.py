"""Where the short runs take place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.reliability.sites import Site, durable_site


@pytest.fixture
def site(scratch: DatabaseUrls, tmp_path: Path) -> Site:
    """A database of the test's own on the server of all tests."""
    environment = {
        "SOKHO_DATABASE_URL": scratch.app,
        "SOKHO_WORKER_DATABASE_URL": scratch.worker,
        "SOKHO_DATA_DIR": str(tmp_path),
    }
    return Site(tmp_path, scratch, environment)


@pytest.fixture
def durable() -> Iterator[Site]:
    """A server of the test's own, to kill."""
    with durable_site() as made:
        yield made
