"""An event is written by the transaction of its change: with it, or not at all."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from sokho.core.domain.events import Event
from sokho.core.domain.identity import COMMAND_LINE, Origin
from sokho.core.domain.ids import new_id_text
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Database,
    Statement,
)
from sokho.modules.tenants.infrastructure.tables import tenants
from tests.integration.changes import AGAIN, COUNT, HAPPENED, READ, RENAME, WHICH
from tests.recorded import Recorded


async def types_in(log: Recorded) -> list[str]:
    return [row["type"] for row in await log.all()]


class TestWhenItIsWritten:
    async def test_with_the_next_change_it_costs_no_round_trip(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            await tx.fetch_all(RENAME, name="y")
        assert tx.round_trips == 3
        assert await types_in(log) == ["thing.happened"]

    async def test_a_read_leaves_it_to_the_next_change(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            await tx.fetch_all(READ)
            await tx.fetch_all(RENAME, name="y")
        assert tx.round_trips == 4
        assert await types_in(log) == ["thing.happened"]

    async def test_a_read_takes_none_with_it(self, small: Database, tenant_id: UUID):
        async with small.transaction(tenant_id) as tx:
            await tx.fetch_all(RENAME, name="y")
            tx.record(HAPPENED)
            await tx.fetch_all(READ)
            assert [count for (count,) in await tx.fetch_all(COUNT)] == [0]
            await tx.fetch_all(RENAME, name="z")
            assert [count for (count,) in await tx.fetch_all(COUNT)] == [1]

    async def test_after_the_last_change_it_is_written_at_the_end(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            await tx.fetch_all(RENAME, name="y")
            tx.record(HAPPENED)
        assert tx.round_trips == 4
        assert await types_in(log) == ["thing.happened"]

    async def test_each_change_takes_one_and_the_end_the_rest(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            tx.record(AGAIN)
            await tx.fetch_all(RENAME, name="y")
            tx.record(HAPPENED)
        assert tx.round_trips == 5
        rows = await log.all()
        assert [row["type"] for row in rows] == [HAPPENED.type, AGAIN.type, HAPPENED.type]
        assert len({row["id"] for row in rows}) == 3
        assert len({row["xid"] for row in rows}) == 1

    async def test_the_change_returns_what_it_returns_without_an_event(
        self, small: Database, tenant_id: UUID
    ):
        returning: Any = RENAME.clause
        statement = Statement(returning.returning(tenants.c.name))
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
            rows = await tx.fetch_all(statement, name="y")
        assert [dict(row) for row in rows] == [{"name": "y"}]

    async def test_without_any_change_it_is_written_too(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
        assert tx.round_trips == 3
        assert await types_in(log) == ["thing.happened"]


class TestWhatIsUndone:
    async def test_leaves_no_event(self, small: Database, tenant_id: UUID, log: Recorded):
        with pytest.raises(ZeroDivisionError):
            async with small.transaction(tenant_id, origin=Origin("x", "ai đó")) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="y")
                tx.record(AGAIN)
                raise ZeroDivisionError
        assert await log.all() == []
        assert await log.actors() == {}

    async def test_a_refused_change_leaves_no_event(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        with pytest.raises(ConstraintViolationError):
            async with small.transaction(tenant_id, origin=Origin("x", "ai đó")) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="")
        assert await log.all() == []
        assert await log.actors() == {}

    async def test_an_event_that_cannot_be_written_undoes_the_change(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        nul = Event("thing.happened", "\0", {})
        with pytest.raises(asyncpg.PostgresError):
            async with small.transaction(tenant_id) as tx:
                await tx.fetch_all(RENAME, name="y")
                tx.record(nul)
        assert await log.all() == []
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert [row["name"] for row in await tx.fetch_all(READ)] == ["x"]
        async with small.transaction(tenant_id) as tx:  # and the connection is back
            await tx.fetch_all(RENAME, name="z")


class TestWhatIsWritten:
    async def test_is_the_event_and_where_it_comes_from(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        origin = Origin("api_key:1", "nv-042", new_id_text())
        async with small.transaction(tenant_id, origin=origin) as tx:
            which = await tx.fetch_one(WHICH)
            await tx.fetch_all(Statement(sa.select(sa.func.pg_sleep(0.01), TENANT)))
            tx.record(HAPPENED)
            await tx.fetch_all(RENAME, name="y")
            tx.record(AGAIN)
        assert which is not None
        for row, event in zip(await log.all(), (HAPPENED, AGAIN), strict=True):
            assert (row["type"], row["resource_id"]) == (event.type, event.resource_id)
            assert row["changes"] == event.changes
            assert row["tenant_id"] == tenant_id
            assert (row["xid"], row["created_at"]) == (int(which["xid"]), which["began"])
            assert (row["actor"], str(row["request_id"])) == ("api_key:1", origin.request_id)
            assert row["name"] == "nv-042"

    async def test_of_the_command_line_names_it_alone(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        async with small.transaction(tenant_id) as tx:
            tx.record(HAPPENED)
        [row] = await log.all()
        assert (row["actor"], row["on_behalf_of"], row["request_id"]) == (
            COMMAND_LINE.actor,
            None,
            None,
        )


class TestTraceability:
    async def test_of_a_change_needs_an_event(self, small: Database, tenant_id: UUID):
        async with small.transaction(tenant_id) as tx:
            await tx.fetch_all(READ)
            assert tx.is_traceable
            await tx.fetch_all(RENAME, name="y")
            await tx.fetch_all(READ)
            assert not tx.is_traceable
            tx.record(HAPPENED)
            assert tx.is_traceable

    async def test_a_read_refuses_to_record(self, small: Database, tenant_id: UUID, log: Recorded):
        async with small.transaction(tenant_id, read_only=True) as tx:
            assert tx.is_traceable
            with pytest.raises(RuntimeError, match=r"thing\.happened"):
                tx.record(HAPPENED)
        assert await log.all() == []
