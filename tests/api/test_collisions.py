"""What collides with another transaction is tried again, a few times, and then told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.quotas import Quotas
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.api.problems import problem_of
from tests.conftest import client_of, close, settings_for

ITEM: Final = {"sku": "A", "name": "B"}

TRIES: Final = 3

# A sequence counts on through rollbacks: it tells how often the trigger was reached.
_OBSTACLE: Final = """
CREATE SEQUENCE tries;
CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(%(delay)s);
    IF nextval('tries') <= %(times)s THEN RAISE EXCEPTION USING ERRCODE = '%(code)s'; END IF;
    RETURN NEW;
END $$;
CREATE %(constraint)s TRIGGER collide %(when)s INSERT ON items %(deferred)s
    FOR EACH ROW EXECUTE FUNCTION collide();
"""


class Obstacle:
    """A database on which inserting an item fails, some times."""

    def __init__(self, admin: asyncpg.Connection, app: FastAPI, http: httpx2.AsyncClient) -> None:
        self._admin = admin
        self.app = app
        self.http = http

    async def stand(
        self, code: str, *, times: int, at_commit: bool = False, delay: float = 0
    ) -> None:
        await self._admin.execute(
            _OBSTACLE
            % {
                "code": code,
                "times": times,
                "delay": delay,
                "constraint": "CONSTRAINT" if at_commit else "",
                "when": "AFTER" if at_commit else "BEFORE",
                "deferred": "DEFERRABLE INITIALLY DEFERRED" if at_commit else "",
            }
        )

    async def change_type(self, to: str) -> None:
        await self._admin.execute(f"ALTER TABLE items ALTER name TYPE {to}")

    async def tries(self) -> int:
        count: int = await self._admin.fetchval("SELECT last_value FROM tries")
        return count


@pytest.fixture
async def obstacle(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Obstacle]:
    app = create_app(settings_for(scratch))
    opened = await open_business(app.state.database, derived_keys, "Quán")
    admin = await asyncpg.connect(scratch.admin)
    async with client_of(app, opened.api_key) as http:
        yield Obstacle(admin, app, http)
    await admin.close()
    await close(app)


COLLISIONS: Final = pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])


class TestCollision:
    @COLLISIONS
    @pytest.mark.parametrize("at_commit", [False, True], ids=["statement", "commit"])
    async def test_that_passes_is_not_seen_by_the_caller(
        self, obstacle: Obstacle, code: str, at_commit: bool
    ):
        await obstacle.stand(code, times=TRIES - 1, at_commit=at_commit)
        answer = await obstacle.http.post("/v1/items", json=ITEM)
        assert answer.status_code == 201
        assert await obstacle.tries() == TRIES
        assert len((await obstacle.http.get("/v1/items")).json()) == 1

    async def test_is_one_request_of_the_key(self, obstacle: Obstacle):
        obstacle.app.state.quotas = Quotas(10)
        await obstacle.stand("40001", times=TRIES - 1)
        answer = await obstacle.http.post("/v1/items", json=ITEM)
        assert await obstacle.tries() == TRIES
        assert answer.headers.get_list("ratelimit") == ['"default";r=9;t=60']

    @COLLISIONS
    async def test_that_stays_is_told(self, obstacle: Obstacle, code: str):
        await obstacle.stand(code, times=1000)
        answer = await obstacle.http.post("/v1/items", json=ITEM)
        problem_of(answer, 503, "temporarily_overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert await obstacle.tries() == TRIES
        assert (await obstacle.http.get("/v1/items")).json() == []

    async def test_after_a_slow_upload_is_tried_again(self, obstacle: Obstacle):
        await obstacle.stand("40001", times=1)

        async def slowly() -> AsyncIterator[bytes]:
            yield b'{"sku": "A", '
            await asyncio.sleep(2)
            yield b'"name": "B"}'

        headers = {"Content-Type": "application/json"}
        answer = await obstacle.http.post("/v1/items", content=slowly(), headers=headers)
        assert answer.status_code == 201

    async def test_that_took_long_is_told_at_once(self, obstacle: Obstacle):
        await obstacle.stand("55P03", times=1000, delay=2)
        answer = await obstacle.http.post("/v1/items", json=ITEM)
        problem_of(answer, 503, "temporarily_overloaded")
        assert await obstacle.tries() == 1

    @pytest.mark.parametrize("at_commit", [False, True], ids=["statement", "commit"])
    async def test_with_a_key_is_answered_once(self, obstacle: Obstacle, at_commit: bool):
        await obstacle.stand("40001", times=1, at_commit=at_commit)
        headers = {"Idempotency-Key": "k"}
        first, again = [
            await obstacle.http.post("/v1/items", json=ITEM, headers=headers) for _ in range(2)
        ]
        assert first.status_code == 201
        assert again.content == first.content
        assert "Idempotent-Replayed" not in first.headers

    async def test_at_commit_leaves_the_key_free(self, obstacle: Obstacle):
        await obstacle.stand("40001", times=TRIES, at_commit=True)
        headers = {"Idempotency-Key": "k"}
        first, again = [
            await obstacle.http.post("/v1/items", json=ITEM, headers=headers) for _ in range(2)
        ]
        problem_of(first, 503, "temporarily_overloaded")
        assert again.status_code == 201
        assert "Idempotent-Replayed" not in again.headers

    async def test_of_another_kind_is_not_tried_again(self, obstacle: Obstacle):
        await obstacle.stand("57014", times=1)
        answer = await obstacle.http.post("/v1/items", json=ITEM)
        problem_of(answer, 503, "temporarily_overloaded")
        assert await obstacle.tries() == 1


class TestPreparedStatement:
    async def test_survives_a_migration_under_it(self, obstacle: Obstacle):
        made = await obstacle.http.post("/v1/items", json=ITEM)
        for name in ("C", "D", "E"):
            answer = await obstacle.http.patch(
                made.headers["Location"], json={"name": name}, headers={"If-Match": "*"}
            )
            assert answer.status_code == 200
            await obstacle.change_type("text" if name == "D" else "varchar(300)")
