"""After every operation has run, a secret stands in one answer, and people in one table."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import httpx2
import pytest

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.api_keys.domain.entities import Pepper
from tests.api.traced import ACTOR, CHANGING, KEY_NAME, TRACES, Shop, prepare
from tests.conftest import OPERATOR_KEY, SECRET
from tests.integration.command_line import SOKHO, Cli

SECRET_LENGTH: Final = 49
"""Of the random part at the end of a key, with its checksum."""


@dataclass(frozen=True)
class Aftermath:
    """What is left where every operation was called, some of them in vain."""

    shop: Shop
    tables: dict[str, str]
    """All rows of each table, as text."""
    log: str

    @property
    def tokens(self) -> list[str]:
        return [*self.shop.secrets, OPERATOR_KEY]

    def places_of(self, text: str) -> set[str]:
        """Return where a text stands, in capitals or not: tables, and the log."""
        everywhere = self.tables | {"the log": self.log}
        return {place for place, content in everywhere.items() if text.lower() in content.lower()}


@pytest.fixture(scope="module")
def keys() -> DerivedKeys:
    return DerivedKeys.from_secret(SECRET)


@pytest.fixture(scope="module")
def pepper(keys: DerivedKeys) -> Pepper:
    return Pepper(keys.pepper_id, keys.pepper)


@pytest.fixture(scope="module")
async def aftermath(
    urls: DatabaseUrls, pepper: Pepper, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Aftermath]:
    log = tmp_path_factory.mktemp("log") / "stderr.txt"
    database = Database(urls.app, pool_size=2)
    async with contextlib.AsyncExitStack() as clients:
        with served(environment(urls, pepper, log.parent), log) as address:

            def connect(key: str) -> httpx2.AsyncClient:
                headers = {"Authorization": f"Bearer {key}"}
                client = httpx2.AsyncClient(base_url=address, headers=headers)
                clients.push_async_callback(client.aclose)
                return client

            shop = await Shop.opened(database, connect)
            await call_everything(shop)
            await call_in_vain(shop, urls)
    yield Aftermath(shop, await tables_of(urls), log.read_text())
    await database.close()


@contextlib.contextmanager
def served(environment: dict[str, str], log: Path) -> Iterator[str]:
    """Run ``sokho serve``; yield its address."""
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [SOKHO, "serve"], env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as service,
    ):
        try:
            assert service.stdout is not None
            printed = next(line for line in service.stdout if "http://" in line)
            yield re.findall(r"http://[^\s/]+", printed)[0]
        finally:
            service.terminate()


def environment(urls: DatabaseUrls, pepper: Pepper, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SOKHO_DATABASE_URL": urls.app,
        "SOKHO_WORKER_DATABASE_URL": urls.worker,
        "SOKHO_SECRET": SECRET,
        "SOKHO_DATA_DIR": str(folder),
        "SOKHO_OPERATOR_KEY_HASH": pepper.hash(OPERATOR_KEY).hex(),
        "SOKHO_LOG_LEVEL": "debug",
        "SOKHO_PORT": "0",
        "SOKHO_LANG": "en",
    }


async def call_everything(shop: Shop) -> None:
    """Call each operation, what takes the place away last."""
    for operation in sorted(CHANGING, key=lambda each: (each.method == "DELETE", each.path)):
        if operation.path.endswith("/suspend"):
            continue
        await prepare(shop, repr(operation))
        body = TRACES[repr(operation)].body
        answer = await shop.call(operation.method, operation.path, body)
        assert answer.status_code < 500, (operation, answer.text)
    for path in ("/v1/api-keys", "/v1/tenant", "/v1/audit-events?limit=500", "/v1/admin/tenants"):
        assert (await shop.call("GET", path)).status_code == 200


async def call_in_vain(shop: Shop, urls: DatabaseUrls) -> None:
    """Show keys where they do not belong, and meet a failure that nobody foresaw."""
    for key in (*shop.secrets, OPERATOR_KEY):
        await shop.call("GET", f"/v1/items/{key}")
        await shop.call("GET", f"/v1/items?api_key={key}")
        await shop.call("GET", f"/v1/items?cursor={key}")
        await shop.call("GET", f"/{key}")
        await shop.call("POST", "/v1/items", {"sku": "A", "name": "B", key: key})
        await shop.call("GET", "/v1/items", Authorization=f"Bearer {key[:-1]}x")
    admin = await asyncpg.connect(urls.admin)
    try:
        await admin.execute(
            f"ALTER TABLE api_keys ADD CONSTRAINT nobody CHECK (tenant_id <> '{shop.tenant_id}')"
            " NOT VALID"
        )
        answer = await shop.call("POST", "/v1/api-keys", {"name": "x", "role": "viewer"})
        assert answer.status_code == 500
    finally:
        await admin.execute("ALTER TABLE api_keys DROP CONSTRAINT nobody")
        await admin.close()


async def tables_of(urls: DatabaseUrls) -> dict[str, str]:
    admin = await asyncpg.connect(urls.admin)
    names = await admin.fetch(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    rows = {
        name: "\n".join(row for (row,) in await admin.fetch(f"SELECT t::text FROM {name} AS t"))
        for (name,) in names
    }
    await admin.close()
    return {name.removeprefix("public."): content for name, content in rows.items()}


class TestSecret:
    def test_was_made_and_used(self, aftermath: Aftermath):
        assert len(aftermath.shop.secrets) >= 5
        lines = [json.loads(line) for line in aftermath.log.splitlines() if line.startswith("{")]
        routes = {(line.get("method"), line.get("route")) for line in lines}
        for operation in CHANGING:
            if not operation.path.endswith("/suspend"):
                assert (operation.method, operation.path) in routes
        assert any("Traceback" in line.get("exception", "") for line in lines)

    def test_stands_in_no_table_and_no_log(self, aftermath: Aftermath):
        for token in aftermath.tokens:
            assert aftermath.places_of(token) == set()
            assert aftermath.places_of(token[-SECRET_LENGTH:]) == set()
            assert aftermath.places_of(token[-SECRET_LENGTH:-6]) == set()

    def test_has_a_hash_that_stands_beside_its_key_alone(
        self, aftermath: Aftermath, pepper: Pepper
    ):
        for token in aftermath.shop.secrets:
            assert aftermath.places_of(pepper.hash(token).hex()) == {"api_keys"}
        assert aftermath.places_of(pepper.hash(OPERATOR_KEY).hex()) == set()

    def test_of_the_service_stands_nowhere(self, aftermath: Aftermath, keys: DerivedKeys):
        for secret in (SECRET, keys.pepper.hex(), keys.cursor.hex()):
            assert aftermath.places_of(secret) == set()

    def test_is_shown_by_one_answer_alone(self, aftermath: Aftermath, pepper: Pepper):
        shown = [f"{answer.headers}\n{answer.text}" for answer in aftermath.shop.answers]
        for token in aftermath.shop.secrets:
            secret = token[-SECRET_LENGTH:-6]
            assert sum(secret in answer for answer in shown) == 1
            assert not any(pepper.hash(token).hex() in answer for answer in shown)


class TestPerson:
    def test_stands_in_one_table(self, aftermath: Aftermath):
        assert aftermath.places_of(ACTOR) == {"actors"}

    def test_whose_name_a_key_has_is_not_in_the_log_of_events(self, aftermath: Aftermath):
        assert aftermath.places_of(KEY_NAME) == {"api_keys"}

    async def test_is_forgotten_and_what_they_did_stays(
        self, aftermath: Aftermath, urls: DatabaseUrls
    ):
        shop = aftermath.shop
        before = await shop.log.all()
        assert ACTOR in {row["name"] for row in before}
        cli = Cli(
            SOKHO_DATABASE_URL=urls.app,
            SOKHO_WORKER_DATABASE_URL=urls.worker,
            SOKHO_SECRET=SECRET,
            SOKHO_LANG="en",
        )
        forget = ("tenant", "forget", str(shop.tenant_id), ACTOR)
        assert cli(*forget).returncode == 0
        after = await shop.log.all()
        *kept, erased = after
        assert [row["id"] for row in kept] == [row["id"] for row in before]
        assert {row["name"] for row in after} == {None}
        assert (erased["type"], erased["actor"]) == ("actor.erased", "command_line")
        assert erased["resource_id"] == str(before[-1]["on_behalf_of"])
        assert erased["changes"] == {}
        left = await tables_of(urls)
        ours = [row for row in left["actors"].splitlines() if str(shop.tenant_id) in row]
        assert ours == []

        again = cli(*forget)
        assert again.returncode == 1
        assert "nobody by this name" in again.stderr
        assert ACTOR not in again.stderr
        assert await shop.log.all() == after
