"""When a key was last used: written apart from requests, which pay nothing for it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from sokho.core.domain.clock import utc_now
from sokho.core.infrastructure.database import Database, OverloadedError, Transaction
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.infrastructure.last_uses import LastUses
from tests.api.keyring import KEYS, HeldKey, a_key_of, seconds_until
from tests.api.test_round_trips import Ledger
from tests.conftest import Business, client_of
from tests.fakes.api_keys import an_api_key


async def last_use_of(business: Business, key: HeldKey) -> Any:
    return (await business.http.get(key.url)).json()["last_used_at"]


class Flaky(Database):
    """Hands out the transactions of another database, unless it is down; then waits a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_down = False
        self.opened = 0

    def transaction(self, tenant_id: UUID, **how: Any) -> Transaction:
        self.opened += 1
        if self.is_down:
            raise OverloadedError
        return self._database.transaction(tenant_id, **how)


@pytest.fixture
def flaky(app: FastAPI) -> Flaky:
    return Flaky(app.state.database)


@pytest.fixture
def last_uses(flaky: Flaky) -> LastUses:
    return LastUses(flaky)


class TestLastUse:
    async def test_is_none_where_the_key_was_refused(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        now = utc_now() + timedelta(seconds=1)
        key = await a_key_of(app, business, "items:read", expires_at=now.isoformat())
        await asyncio.sleep(1.1)
        assert (await client_of(fresh_app, key.token).get("/v1/items")).status_code == 401
        await fresh_app.state.authenticator._last_uses.write()
        assert await last_use_of(business, key) is None

    async def test_is_seen_once_it_is_written(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        key = await a_key_of(app, business, "items:read")
        assert (await client_of(fresh_app, key.token).get("/v1/items")).status_code == 200
        assert await last_use_of(business, key) is None
        await fresh_app.state.authenticator._last_uses.write()
        used = await last_use_of(business, key)
        assert -5 < seconds_until(used) < 0
        listed = (await business.http.get(KEYS)).json()
        assert [each["last_used_at"] for each in listed if each["id"] == key.id] == [used]

    async def test_costs_no_request_a_round_trip(
        self, app: FastAPI, business: Business, monkeypatch: pytest.MonkeyPatch
    ):
        key = await a_key_of(app, business, "items:read")
        ledger = Ledger(app.state.database, monkeypatch)
        for trips in (2, 1, 1):  # the look-up of a cold key, and the list
            assert (await key.http.get("/v1/items")).status_code == 200
            assert ledger.settle() == trips

    async def test_is_not_noted_of_a_key_that_is_refused(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        key = await a_key_of(app, business, "items:read")
        wrong = key.token[:-1] + ("0" if key.token[-1] != "0" else "1")
        await client_of(fresh_app, wrong).get("/v1/items")
        await business.http.delete(key.url)
        await client_of(fresh_app, key.token).get("/v1/items")
        await fresh_app.state.authenticator._last_uses.write()
        assert await last_use_of(business, key) is None


class TestWrite:
    async def test_opens_nothing_where_nothing_was_used(self, flaky: Flaky, last_uses: LastUses):
        await last_uses.write()
        assert flaky.opened == 0

    async def test_takes_one_transaction_for_all_keys_of_a_business(
        self, app: FastAPI, business: Business, other: Business, flaky: Flaky, last_uses: LastUses
    ):
        keys = [await a_key_of(app, business, "items:read") for _ in range(3)]
        [theirs] = (await other.http.get(KEYS)).json()
        for key in keys:
            last_uses.note(as_stored(business, key.id), utc_now())
        last_uses.note(as_stored(other, theirs["id"]), utc_now())
        await last_uses.write()
        assert flaky.opened == 2
        assert all([await last_use_of(business, key) for key in keys])
        await last_uses.write()
        assert flaky.opened == 2

    async def test_is_due_again_after_a_minute(self, business: Business, last_uses: LastUses):
        now = utc_now()
        for behind, is_due in ((59.9, False), (60.0, True)):
            last = now - timedelta(seconds=behind)
            last_uses.note(as_stored(business, str(UUID(int=7)), last_used_at=last), now)
            assert bool(last_uses._used) is is_due

    async def test_turns_no_clock_back(self, app: FastAPI, business: Business, last_uses: LastUses):
        key = await a_key_of(app, business, "items:read")
        for behind in (0, 3600):
            last_uses.note(as_stored(business, key.id), utc_now() - timedelta(seconds=behind))
            await last_uses.write()
        assert seconds_until(await last_use_of(business, key)) > -60

    async def test_forgets_nothing_while_the_database_is_away(
        self, app: FastAPI, business: Business, flaky: Flaky, last_uses: LastUses
    ):
        key = await a_key_of(app, business, "items:read")
        last_uses.note(as_stored(business, key.id), utc_now())
        flaky.is_down = True
        with pytest.raises(OverloadedError):
            await last_uses.write()
        flaky.is_down = False
        await last_uses.write()
        assert await last_use_of(business, key) is not None

    async def test_forgets_nothing_that_is_noted_meanwhile(
        self, app: FastAPI, business: Business, last_uses: LastUses
    ):
        early, late = [await a_key_of(app, business, "items:read") for _ in range(2)]
        last_uses.note(as_stored(business, early.id), utc_now())
        writing = asyncio.create_task(last_uses.write())
        await asyncio.sleep(0)
        last_uses.note(as_stored(business, late.id), utc_now())
        await writing
        await last_uses.write()
        for key in (early, late):
            assert await last_use_of(business, key) is not None

    async def test_is_bounded(self, last_uses: LastUses):
        for number in range(10_005):
            last_uses.note(an_api_key(tenant_id=UUID(int=number)), utc_now())
        assert len(last_uses._used) == 10_000


def as_stored(business: Business, key_id: str, last_used_at: datetime | None = None) -> ApiKey:
    """Return a key as the authenticator finds it, as far as this matters."""
    key = replace(an_api_key(), tenant_id=business.tenant_id, id=UUID(key_id))
    return replace(key, last_used_at=last_used_at)
