"""Behind PgBouncer in transaction mode, each transaction may be on another server connection."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from sokho.app import create_app
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.conftest import THROUGH_PGBOUNCER, client_of, close, settings_for
from tests.pgbouncer import pooled, program

pytestmark = pytest.mark.skipif(
    program() is None, reason="pgbouncer is not installed: `apt-get install pgbouncer`"
)

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = 24


@pytest.fixture(scope="module")
def reached(urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    with pooled(urls) as through:
        yield through


@pytest.fixture
async def api_keys(database: Database, derived_keys: DerivedKeys) -> list[str]:
    return [
        (await open_business(database, derived_keys, f"Cửa hàng {n}")).api_key for n in range(2)
    ]


@asynccontextmanager
async def serving(
    urls: DatabaseUrls, api_keys: list[str], **settings: object
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    app = create_app(settings_for(urls, **settings))
    try:
        async with (
            client_of(app, api_keys[0]) as one,
            client_of(app, api_keys[1]) as other,
        ):
            yield [one, other]
    finally:
        await close(app)


async def used(clients: list[httpx2.AsyncClient]) -> tuple[Counter[int], int]:
    """Use both businesses at once; return the statuses, and how many items were another's."""
    statuses: Counter[int] = Counter()
    strangers = 0

    async def use(number: int) -> None:
        nonlocal strangers
        http = clients[number % 2]
        for turn in range(12):
            item = {"sku": f"{number}-{turn}", "name": f"của {number % 2}"}
            made = await http.post("/v1/items", json=item)
            listed = await http.get("/v1/items?limit=50")
            statuses.update((made.status_code, listed.status_code))
            if listed.status_code == 200:
                strangers += sum(each["name"] != item["name"] for each in listed.json())

    await asyncio.gather(*map(use, range(CLIENTS)))
    return statuses, strangers


def is_old() -> bool:
    """Whether this PgBouncer knows nothing of prepared statements."""
    told = subprocess.check_output([program() or "", "--version"], text=True)
    major, minor = told.split()[1].split(".")[:2]
    return (int(major), int(minor)) < (1, 21)


class TestTransactionMode:
    async def test_serves_both_businesses_at_once(self, reached: DatabaseUrls, api_keys: list[str]):
        async with serving(reached, api_keys, prepared_statements=False) as clients:
            assert await used(clients) == ({201: CLIENTS * 12, 200: CLIENTS * 12}, 0)

    async def test_loses_prepared_statements(self, reached: DatabaseUrls, api_keys: list[str]):
        """The control: with the setting left on, an old PgBouncer fails, but mixes up nothing."""
        async with serving(reached, api_keys, prepared_statements=True) as clients:
            statuses, strangers = await used(clients)
        if is_old():
            assert any(status >= 500 for status in statuses)
        assert strangers == 0


def test_the_tests_of_items_and_stock_pass():
    """A part of them; `make pgbouncer` runs all."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
            *("tests/api/test_items.py", "tests/api/test_stock_documents.py"),
        ],
        cwd=ROOT,
        env=os.environ | {THROUGH_PGBOUNCER: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:]
