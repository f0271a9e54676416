"""``/livez`` and ``/readyz``, with a database and without."""

import asyncio
import gc
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest

from sokho.app import create_app
from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.readiness import Readiness
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.problems import CANARY, problem_of
from tests.conftest import Business, client_of, close, settings_for

# The discard port: nobody listens there, and the refusal comes at once.
DEAD = f"postgresql://sokho_app:{CANARY}@127.0.0.1:9/sokho"


@pytest.fixture
async def stranded(urls: DatabaseUrls) -> AsyncIterator[httpx2.AsyncClient]:
    """A service whose database is not there."""
    app = create_app(settings_for(urls, database_url=DEAD))
    async with client_of(app) as client:
        yield client
    await close(app)


class TestLivez:
    async def test_answers_anybody(self, anonymous: httpx2.AsyncClient):
        answer = await anonymous.get("/livez")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    async def test_does_not_need_the_database(self, stranded: httpx2.AsyncClient):
        assert (await stranded.get("/livez")).status_code == 200


class TestReadyz:
    async def test_answers_anybody_while_the_database_does(self, anonymous: httpx2.AsyncClient):
        answer = await anonymous.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    async def test_tells_that_the_database_does_not_answer(self, stranded: httpx2.AsyncClient):
        answer = await stranded.get("/readyz")
        problem_of(answer, 503, "temporarily_overloaded")
        assert answer.headers["retry-after"] == "1"

    async def test_tells_that_the_schema_is_another(self, scratch: DatabaseUrls):
        admin = await asyncpg.connect(scratch.admin)
        try:
            await admin.execute("UPDATE alembic_version SET version_num = '0000'")
        finally:
            await admin.close()
        app = create_app(settings_for(scratch))
        async with client_of(app) as client:
            problem_of(await client.get("/readyz"), 503, "temporarily_overloaded")
        await close(app)


class TestReadiness:
    async def test_is_looked_at_anew_after_a_second(self, scratch: DatabaseUrls):
        database = Database(scratch.app, pool_size=1)
        readiness = Readiness(database)
        assert await readiness.look()
        admin = await asyncpg.connect(scratch.admin)
        try:
            await admin.execute("UPDATE alembic_version SET version_num = '0000'")
        finally:
            await admin.close()
        assert await readiness.look()  # what was seen just now
        await asyncio.sleep(1.1)
        assert not await readiness.look()
        await database.close()

    async def test_is_told_to_others_when_one_leaves(self, database: Database):
        readiness = Readiness(database)
        leaving = asyncio.create_task(readiness.look())
        staying = asyncio.create_task(readiness.look())
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying


class TestOperation:
    async def test_without_a_database_is_to_be_tried_again(
        self, stranded: httpx2.AsyncClient, business: Business
    ):
        key = {"Authorization": f"Bearer {business.api_key}"}
        for answer in (
            await stranded.get("/v1/items", headers=key),
            await stranded.post("/v1/items", headers=key, json={"sku": "A", "name": "B"}),
        ):
            problem_of(answer, 503, "temporarily_overloaded")
            assert answer.headers["retry-after"] == "1"


class TestStart:
    async def test_freezes_what_exists_and_refuses_what_is_not_sealed(self, scratch: DatabaseUrls):
        before = gc.get_threshold()
        try:
            app = create_app(settings_for(scratch))
            async with app.router.lifespan_context(app):
                assert gc.get_freeze_count() > 10_000
        finally:
            gc.unfreeze()
            gc.set_threshold(*before)
        privileged = create_app(settings_for(scratch, database_url=scratch.admin))
        with pytest.raises(OperatorError):
            async with privileged.router.lifespan_context(privileged):
                pass
        await close(privileged)
