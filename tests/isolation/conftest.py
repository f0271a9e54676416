"""Databases of other people, made on the run's PostgreSQL and dropped again."""

from collections.abc import Iterator

import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.isolation.foreign import Foreign


@pytest.fixture(scope="module")
def foreign(urls: DatabaseUrls) -> Iterator[Foreign]:
    foreign = Foreign(urls.admin)
    yield foreign
    foreign.close()
