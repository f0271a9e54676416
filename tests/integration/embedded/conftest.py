"""Data folders that a server can live in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sokho.core.infrastructure.embedded_postgres import (
    EmbeddedPostgres,
)
from tests.integration.embedded.servers import new_folder, stop_whatever_runs_in


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder."""
    made = new_folder()
    yield made
    stop_whatever_runs_in(made)
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A data folder with a cluster, made once."""
    made = new_folder()
    postgres = EmbeddedPostgres(made / "data")
    postgres.start()
    postgres.stop()
    yield made / "data"
    shutil.rmtree(made)


@pytest.fixture
def data_dir(initialised: Path) -> Iterator[Path]:
    """The same data folder for all tests that leave it as it was, with an empty log."""
    (initialised / "postgres.log").write_text("")
    yield initialised
    stop_whatever_runs_in(initialised)
    (initialised / "keep-running").unlink(missing_ok=True)
