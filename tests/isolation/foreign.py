"""Makes databases of other people's styles, each a copy of one that was made once."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tests.isolation.corpus import Style

_ROLES: Final = ("owner", "app", "auditor")


class Foreign:
    """Databases on the server of `admin_dsn`, which a superuser's URL leads to."""

    def __init__(self, admin_dsn: str) -> None:
        self._admin = admin_dsn
        self._templates: dict[str, str] = {}

    @contextmanager
    def database(self, style: Style, change: str = "", undo: str = "") -> Iterator[str]:
        """Yield the superuser's URL of a database in this style, changed by `change`."""
        name = f"foreign_{uuid4().hex[:12]}"
        self._run("postgres", f"CREATE DATABASE {name} TEMPLATE {self._template(style)}")
        try:
            if change:
                self._run(name, change)
            yield self._url(name)
        finally:
            if undo:
                self._run(name, undo)
            self._run("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def as_role(self, dsn: str, role: str) -> str:
        """Return the URL by which `role` logs in to the database of `dsn`."""
        parts = urlsplit(dsn)
        address = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{role}:x@{address}").geturl()

    def close(self) -> None:
        """Drop everything."""
        for name in self._templates.values():
            self._run("postgres", f"DROP DATABASE {name} WITH (FORCE)")
        for style in self._templates:
            for role in _ROLES:
                self._run("postgres", f"DROP ROLE IF EXISTS {style}_{role}")

    def _template(self, style: Style) -> str:
        if style.name not in self._templates:
            name = self._templates[style.name] = f"style_{uuid4().hex[:12]}"
            for role in _ROLES:
                self._run("postgres", f"DROP ROLE IF EXISTS {style.name}_{role}")
                self._run("postgres", f"CREATE ROLE {style.name}_{role} LOGIN PASSWORD 'x'")
            self._run("postgres", f"CREATE DATABASE {name}")
            owner = f"{style.name}_owner"
            self._run(
                name,
                f"GRANT CREATE ON SCHEMA public TO {owner};"
                f"GRANT CREATE ON DATABASE {name} TO {owner}",
                style.sql,
            )
        return self._templates[style.name]

    def _url(self, database: str) -> str:
        parts = urlsplit(self._admin)
        return parts._replace(path=f"/{database}").geturl()

    def _run(self, database: str, *commands: str) -> None:
        self.execute(self._url(database), *commands)

    def execute(self, dsn: str, *commands: str) -> None:
        """Run commands on any database, each by itself."""

        async def run() -> None:
            connection = await asyncpg.connect(dsn)
            try:
                for command in commands:
                    await connection.execute(command)
            finally:
                await connection.close()

        in_thread(run())


def in_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, outside the run's event loop."""
    told: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            told.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - raised again just below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return told[0]
