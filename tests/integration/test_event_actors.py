"""For whom a key acted: told in events by an id, which stands for a name in one table."""

import asyncio
from uuid import UUID, uuid4

import pytest

from sokho.core.domain.identity import Origin
from sokho.core.infrastructure.database import Database
from tests.integration.changes import AGAIN, HAPPENED, RENAME
from tests.recorded import Recorded


class TestOnBehalfOf:
    async def test_somebody_is_one_id_in_a_tenant(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        """Whoever is met first costs two round trips, whoever is known costs one."""
        for name, trips in (("Lan", 5), ("Lan", 4), ("lan", 5), ("Lan", 4)):
            async with small.transaction(tenant_id, origin=Origin("x", name)) as tx:
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name="y")
            assert tx.round_trips == trips
        rows = await log.all()
        assert [row["name"] for row in rows] == ["Lan", "Lan", "lan", "Lan"]
        assert await log.actors() == {
            rows[0]["on_behalf_of"]: "Lan",
            rows[2]["on_behalf_of"]: "lan",
        }

    async def test_is_asked_for_once_in_a_transaction(self, small: Database, tenant_id: UUID):
        async with small.transaction(tenant_id, origin=Origin("x", "Lan")) as tx:
            for name in ("y", "z"):
                tx.record(HAPPENED)
                await tx.fetch_all(RENAME, name=name)
        assert tx.round_trips == 6

    @pytest.mark.parametrize("ends_well", [True, False])
    async def test_two_who_meet_somebody_at_once_agree(
        self, database: Database, tenant_id: UUID, log: Recorded, ends_well: bool
    ):
        origin = Origin("x", "Lan")

        async def second() -> None:
            async with database.transaction(tenant_id, origin=origin) as tx:
                tx.record(AGAIN)

        first = database.transaction(tenant_id, origin=origin)
        first.record(HAPPENED)
        await first.fetch_all(RENAME, name="y")
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await (first.commit() if ends_well else first.rollback())
        await waiting
        rows = await log.all()
        assert len(rows) == 1 + ends_well
        assert {row["name"] for row in rows} == {"Lan"}
        assert len(await log.actors()) == 1

    async def test_the_same_name_elsewhere_is_somebody_else(
        self, small: Database, tenant_id: UUID, log: Recorded
    ):
        ids = set()
        for tenant in (tenant_id, elsewhere := uuid4()):
            async with small.transaction(tenant, origin=Origin("x", "Lan")) as tx:
                tx.record(HAPPENED)
        ids = {*await log.actors(), *await Recorded(small, elsewhere).actors()}
        assert len(ids) == 2
