"""Instants come from PostgreSQL as they went in, whatever the session would have them look like."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import pytest

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.codecs import set_codecs
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_SPAN: Final = _LAST - _FIRST


def instants() -> list[datetime]:
    chance = random.Random(0)
    edges = [_FIRST, _LAST, datetime(2000, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)]
    whole = datetime(2026, 3, 1, 12, tzinfo=UTC)
    fractions = [whole + timedelta(microseconds=number) for number in (1, 10, 120_000, 999_999)]
    return [*edges, whole, *fractions, *(_FIRST + _SPAN * chance.random() for _ in range(2_000))]


class TestInstants:
    async def test_come_back_as_the_driver_would_have_them(self, urls: DatabaseUrls):
        given = instants()
        plain = await asyncpg.connect(urls.app)
        by_driver = [row[0] for row in await plain.fetch("SELECT unnest($1::timestamptz[])", given)]
        await plain.close()
        database = Database(urls.app, pool_size=1)
        async with database.unbound() as connection:
            rows = await connection.fetch("SELECT unnest($1::timestamptz[])", given)
            one = [await connection.fetchval("SELECT $1::timestamptz", each) for each in given[:9]]
        await database.close()
        assert [row[0] for row in rows] == given
        assert by_driver[2:] == given[2:]  # it takes the first and the last for infinity
        assert one == given[:9]
        assert {row[0].tzinfo for row in rows} == {UTC}

    async def test_are_read_the_same_where_a_role_prefers_another_style(
        self, scratch: DatabaseUrls
    ):
        await self._prefer_another_style(scratch)
        database = Database(scratch.app, pool_size=1)
        async with database.unbound() as connection:
            read = await connection.fetchval("SELECT timestamptz '2026-03-01 12:00:00.5+07'")
        await database.close()
        assert read == datetime(2026, 3, 1, 5, 0, 0, 500_000, UTC)
        assert read.tzinfo is UTC

    async def test_would_not_be_read_in_that_style(self, scratch: DatabaseUrls):
        """The control: a connection that does not ask for its own."""
        await self._prefer_another_style(scratch)
        connection = await asyncpg.connect(scratch.app)
        await set_codecs(connection)
        with pytest.raises(ValueError, match="isoformat"):
            await connection.fetchval("SELECT timestamptz '2026-03-01 12:00:00.5+07'")
        await connection.close()

    async def _prefer_another_style(self, urls: DatabaseUrls) -> None:
        admin = await asyncpg.connect(urls.admin)
        name = await admin.fetchval("SELECT current_database()")
        for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Ho_Chi_Minh'"):
            await admin.execute(f'ALTER DATABASE "{name}" SET {setting}')
        await admin.close()
