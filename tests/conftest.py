"""The database, the service and the businesses that tests use.

A fresh tenant for each test is the isolation: nothing is rolled back, tests run in parallel
on one database, and row-level security is exercised all the time.
"""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from sokho.app import create_app
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.core.infrastructure.settings import Settings
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.domain.tokens import make_operator_key
from sokho.provisioning import api_key_service, open_business
from tests.pgbouncer import pooled

SECRET: Final = "a secret for tests, and for nothing else"
OPERATOR_KEY: Final = make_operator_key(b"\7" * 32)
_FOLDER: Final = "SOKHO_TEST_FOLDER"
_TEMPLATE: Final = "pristine"

# Set to 1, the service reaches the database through PgBouncer (tests/pgbouncer.py).
THROUGH_PGBOUNCER: Final = "SOKHO_TEST_THROUGH_PGBOUNCER"

# Durability is the business of the launcher's own tests, and so is how large it makes itself.
_FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
}


def pytest_configure(config: pytest.Config) -> None:
    # Begun in the background by a script, a shell lets a run ignore Ctrl-C, and whatever the
    # run starts would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith(("SOKHO_", "OTEL_"))]:
        if name not in {_FOLDER, THROUGH_PGBOUNCER}:
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="sokho-tests-")
        Path(folder).chmod(0o711)  # as root the server is another user, who must get in
        os.environ[_FOLDER] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_FOLDER), ignore_errors=True)


@dataclass(frozen=True)
class Business:
    """A tenant, and a client that holds its first key."""

    tenant_id: UUID
    api_key: str
    http: httpx2.AsyncClient


@pytest.fixture(scope="session")
def urls() -> Iterator[DatabaseUrls]:
    """The URLs of a migrated database, shared by all workers of this run."""
    folder = Path(os.environ[_FOLDER]) / "database"
    postgres = EmbeddedPostgres(folder, settings=_FAST)
    with _one_at_a_time():
        urls = postgres.start()
        if not (marker := folder / "migrated").exists():
            migrate(admin_dsn=urls.admin, app_dsn=urls.app, worker_dsn=urls.worker)
            _copy_database(urls, "sokho", _TEMPLATE)
            marker.touch()
    with pooled(urls) if _is_pooled() else nullcontext(urls) as reached:
        yield reached
    with _one_at_a_time():
        postgres.stop()


@pytest.fixture
def scratch(urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A migrated database of the test's own, to break."""
    name = f"scratch_{uuid4().hex[:12]}"
    with _one_at_a_time():
        _copy_database(urls, _TEMPLATE, name)
    yield DatabaseUrls(*(url.replace("/sokho?", f"/{name}?") for url in urls))
    _execute(urls.admin, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def database(urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(urls.app, pool_size=8, prepared_statements=not _is_pooled())
    yield database
    await database.close()


@pytest.fixture(scope="session")
def derived_keys() -> DerivedKeys:
    return DerivedKeys.from_secret(SECRET)


@pytest.fixture(scope="session")
async def app(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    app = create_app(settings_for(urls))
    yield app
    await close(app)


@pytest.fixture(scope="session")
async def anonymous(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def business(app: FastAPI, derived_keys: DerivedKeys) -> AsyncIterator[Business]:
    opened = await open_business(app.state.database, derived_keys, "Cửa hàng thử nghiệm")
    async with client_of(app, opened.api_key) as client:
        yield Business(opened.tenant.id, opened.api_key, client)


@pytest.fixture
async def alone(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Business]:
    """A business on a database of the test's own, which may be altered."""
    app = create_app(settings_for(scratch))
    opened = await open_business(app.state.database, derived_keys, "Cửa hàng một mình")
    async with client_of(app, opened.api_key) as client:
        yield Business(opened.tenant.id, opened.api_key, client)
    await close(app)


@pytest.fixture
async def other(app: FastAPI, derived_keys: DerivedKeys) -> AsyncIterator[Business]:
    """Another business on the same database."""
    opened = await open_business(app.state.database, derived_keys, "Cửa hàng bên cạnh")
    async with client_of(app, opened.api_key) as client:
        yield Business(opened.tenant.id, opened.api_key, client)


def settings_for(urls: DatabaseUrls, **others: object) -> Settings:
    """Return settings as an operator would set them for `urls`, whose key is `OPERATOR_KEY`."""
    keys = DerivedKeys.from_secret(SECRET)
    return Settings.model_validate(
        {
            "database_url": urls.app,
            "worker_database_url": urls.worker,
            "secret": SECRET,
            "operator_key_hash": Pepper(keys.pepper_id, keys.pepper).hash(OPERATOR_KEY).hex(),
            "log_level": "error",
            "auth_failures_per_minute": 0,  # all of a run come from one address
            "requests_per_minute": 0,
            "prepared_statements": not _is_pooled(),
            **others,
        }
    )


def client_of(app: ASGIApp, api_key: str | None = None) -> httpx2.AsyncClient:
    """Return a client of the ASGI application, with a key or with none."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://sokho.test",
        headers={} if api_key is None else {"Authorization": f"Bearer {api_key}"},
    )


async def close(app: FastAPI) -> None:
    """Close what a service that was never started has opened."""
    await app.state.database.close()
    await app.state.worker.close()


async def a_key_with(database: Database, keys: DerivedKeys, tenant_id: UUID, *scopes: Scope) -> str:
    """Make a key that holds these scopes only."""
    async with database.transaction(tenant_id) as transaction:
        made = await api_key_service(transaction, keys).create(tenant_id, "hạn chế", scopes)
    return made.token


def _is_pooled() -> bool:
    return os.environ.get(THROUGH_PGBOUNCER) == "1"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold back the other workers of this run."""
    with (Path(os.environ[_FOLDER]) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy_database(urls: DatabaseUrls, template: str, name: str) -> None:
    elsewhere = urls.admin.replace("/sokho?", "/postgres?")
    _execute(elsewhere, f"CREATE DATABASE {name} TEMPLATE {template}")


def _execute(dsn: str, *commands: str) -> None:
    """Run commands on a connection of their own, outside the run's event loop."""
    import asyncio
    import threading

    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for command in commands:
                await connection.execute(command)
        finally:
            await connection.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    thread.join()
