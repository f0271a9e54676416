"""Where a run takes place: a database of its own, and the services that are started on it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from sys import executable
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.conftest import SECRET
from tests.integration.command_line import SOKHO
from tests.integration.test_serving import Service
from tests.reliability import altered

TIMEOUT_SECONDS: Final = 45.0
"""Longer than any request may take: who runs into it has found a hang."""


@dataclass(frozen=True)
class Business:
    """A tenant and its owner's key."""

    tenant_id: UUID
    api_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


@dataclass(frozen=True)
class Site:
    """A migrated database, and a folder for the services on it."""

    folder: Path
    urls: DatabaseUrls
    environment: Mapping[str, str] = field(default_factory=dict)
    """What tells the services where the database is; nothing where it is theirs."""

    @asynccontextmanager
    async def serving(
        self,
        *,
        workers: int = 1,
        alteration: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Service]:
        """Run ``sokho serve`` as a user starts it, or altered; `settings` as ``SOKHO_…``."""
        start = (str(SOKHO),) if alteration is None else (executable, altered.__file__)
        environment = {
            "SOKHO_SECRET": SECRET,
            "SOKHO_AUTH_FAILURES_PER_MINUTE": "0",
            "SOKHO_REQUESTS_PER_MINUTE": "0",
            "SOKHO_LOG_LEVEL": "warning",
            altered.ALTERATION: alteration or "",
            **self.environment,
            **(settings or {}),
        }
        command = (*start, "serve", "--workers", str(workers))
        service = Service(self.folder, command=command, **environment)
        try:  # in threads: what it talks to may live on this event loop
            yield await asyncio.to_thread(service.__enter__)
        finally:
            await asyncio.to_thread(service.__exit__)

    async def business(self) -> Business:
        """Open a business."""
        database = Database(self.urls.app, pool_size=1)
        try:
            opened = await open_business(database, DerivedKeys.from_secret(SECRET), "Tiệm thử lỗi")
        finally:
            await database.close()
        return Business(opened.tenant.id, opened.api_key)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Connect as the superuser, who sees what is stored and what the server is doing."""
        connection = await asyncpg.connect(self.urls.admin)
        try:
            yield connection
        finally:
            await connection.close()

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask once as the superuser."""
        async with self.admin() as connection:
            return await connection.fetch(query, *arguments)

    async def execute(self, *commands: str) -> None:
        """Run commands as the superuser, each by itself."""
        async with self.admin() as connection:
            for command in commands:
                await connection.execute(command)

    async def sessions(self) -> dict[str, int]:
        """Return how many connections of the service are in each state."""
        rows = await self.fetch(
            "SELECT coalesce(state, 'starting') AS state, count(*) FROM pg_stat_activity"
            " WHERE usename = 'sokho_app' AND datname = current_database() GROUP BY 1"
        )
        return {row["state"]: row["count"] for row in rows}


@contextmanager
def durable_site() -> Iterator[Site]:
    """Yield a site with an embedded PostgreSQL of its own, as durable as a user's."""
    with tempfile.TemporaryDirectory(prefix="sokho-reliability-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server is another user, who must get in
        postgres = EmbeddedPostgres(folder)
        urls = postgres.start()
        try:
            migrate(admin_dsn=urls.admin, app_dsn=urls.app, worker_dsn=urls.worker)
            yield Site(folder, urls)
        finally:
            postgres.stop()


def client(
    service: Service, business: Business, *, connections: int | None = None, **options: Any
) -> httpx2.AsyncClient:
    """Return a client of a service with a business's key, for ``async with``."""
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx2.AsyncClient(
        base_url=service.http.base_url,
        headers=business.headers,
        limits=limits,
        timeout=TIMEOUT_SECONDS,
        **options,
    )
