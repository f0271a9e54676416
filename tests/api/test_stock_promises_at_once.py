"""Many at once on the same promises: one piece is promised once, and each promise ends once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Final
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.database import Statement
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.infrastructure import postgres_reservations
from sokho.modules.stock.infrastructure.expiry import expire_reservations
from sokho.modules.stock.infrastructure.reservation_statements import HOLD
from tests.api.catalogue import an_item_of, id_of
from tests.api.problems import problem_of
from tests.api.reserved import a_line, act, asked, level, reserved
from tests.api.stocked import Store, posted
from tests.conftest import Business
from tests.integration.waiting import waiting

_ENDS_IN: Final = """
UPDATE stock_reservations SET expires_at = clock_timestamp() + make_interval(secs => $3)
WHERE tenant_id = $1 AND id = $2
"""
_HOLD_BALANCES: Final = "SELECT 1 FROM stock_balances WHERE tenant_id = $1 FOR UPDATE"


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


@pytest.fixture
async def admin(urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
async def it_is_proven(store: Store) -> AsyncIterator[None]:
    """Have the ledger of the item proven when a test is over."""
    yield
    answer = await store.http.get(f"/v1/stock/verification?item_id={store.item_id}")
    assert answer.json()["findings"] == []


async def together(*calls: Awaitable[httpx2.Response]) -> list[httpx2.Response]:
    return await asyncio.gather(*calls)


def outcomes(answers: list[httpx2.Response]) -> Counter[str]:
    return Counter("done" if answer.is_success else answer.json()["code"] for answer in answers)


class TestLastPiece:
    async def test_is_promised_once(self, store: Store):
        await store.receive("1")
        answers = await together(*(asked(store.business, a_line(store, "1")) for _ in range(12)))
        assert outcomes(answers) == {"done": 1, "insufficient_stock": 11}
        assert await level(store) == ("1", "1", "0")

    async def test_is_promised_or_sold(self, store: Store):
        await store.receive("10")
        answers = await together(
            *(asked(store.business, a_line(store, "1")) for _ in range(15)),
            *(store.issue("1") for _ in range(15)),
        )
        assert outcomes(answers) == {"done": 10, "insufficient_stock": 20}
        on_hand, reserved_, available = map(int, await level(store))
        assert (on_hand - reserved_, available) == (0, 0)
        assert reserved_ == outcomes(answers[:15])["done"]

    async def test_of_several_goods_is_promised_in_any_order(self, store: Store):
        ids = [id_of(await an_item_of(store.business, f"S{n}")) for n in range(5)]
        lines = [store.line("20", target=store.here, item_id=id) for id in ids]
        await posted(store.business, "receipt", *lines)
        chance = random.Random(7)
        answers = await together(
            *(
                asked(
                    store.business,
                    *(a_line(store, "1", item_id=id) for id in chance.sample(ids, 4)),
                )
                for _ in range(20)
            )
        )
        assert outcomes(answers) == {"done": 20}
        ends = [
            act(store.business, answer.json()["id"], chance.choice(["confirm", "release"]))
            for answer in answers
        ]
        assert outcomes(await together(*ends)) == {"done": 20}


class TestOnePromise:
    async def test_is_confirmed_once(self, store: Store):
        await store.receive("9")
        made = await reserved(store, "3")
        answers = await together(*(act(store.business, made["id"], "confirm") for _ in range(8)))
        assert outcomes(answers) == {"done": 1, "reservation_closed": 7}
        assert await level(store) == ("6", "0", "6")

    async def test_is_confirmed_or_released(self, store: Store):
        await store.receive("9")
        for turn in range(6):
            made = await reserved(store, "1")
            calls = [act(store.business, made["id"], each) for each in ("confirm", "release")]
            answers = await together(*calls[:: -1 if turn % 2 else 1])
            assert outcomes(answers) == {"done": 1, "reservation_closed": 1}
        _, reserved_, _ = await level(store)
        assert reserved_ == "0"

    async def test_is_kept_or_lost_when_its_time_ends(
        self, store: Store, admin: asyncpg.Connection, app: FastAPI
    ):
        """Its time ends amid calls that need it, that lengthen it and that take its goods."""
        chance = random.Random(11)
        seen: Counter[str] = Counter()
        for turn in range(24):
            await store.receive("1")
            made = await reserved(store, "1")
            left = {0: 0.0, 1: 5.0}.get(turn // 3 % 4, chance.uniform(0, 0.03))
            await admin.execute(_ENDS_IN, store.business.tenant_id, UUID(made["id"]), left)
            action, body = (
                ("extend", {"expires_in_seconds": 600}),
                *(("confirm", {}), ("release", None)),
            )[turn % 3]
            answers = await together(
                act(store.business, made["id"], action, body), store.issue("1"), store.issue("1")
            )
            await expire_reservations(app.state.database, store.business.tenant_id)
            kept, *issued = outcomes(answers[:1]), *outcomes(answers[1:]).elements()
            taken = issued.count("done")
            on_hand, reserved_, available = await level(store)
            if kept["done"]:
                seen[action] += 1
                assert taken == (1 if action == "release" and on_hand == "0" else 0)
                assert reserved_ == ("1" if action == "extend" else "0")
                if action == "extend":
                    await act(store.business, made["id"], "confirm")
            else:
                seen["expired"] += 1
                assert outcomes(answers[:1]) == {"reservation_expired": 1}
                assert reserved_ == "0"
                assert int(on_hand) == 1 - taken
            if available == "1":
                assert (await store.issue("1")).status_code == 201
            assert (await level(store))[:2] == ("0", "0")
        assert seen.keys() == {"extend", "confirm", "release", "expired"}


class TestJudgement:
    """Waits for the balances, and only then looks at the clock."""

    async def test_of_a_confirmation_is_of_the_time_when_its_turn_comes(
        self, store: Store, admin: asyncpg.Connection
    ):
        await store.receive("9")
        made = await reserved(store, "3")
        tenant_id = store.business.tenant_id
        async with admin.transaction():
            await admin.execute(_HOLD_BALANCES, tenant_id)
            confirming = await waiting(act(store.business, made["id"], "confirm"))
            await admin.execute(_ENDS_IN, tenant_id, UUID(made["id"]), -1)
        problem_of(await confirming, 409, "reservation_expired")
        assert await level(store) == ("9", "0", "9")

    async def test_without_its_turn_would_be_of_another(
        self, store: Store, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ):
        """The control."""
        await store.receive("9")
        made = await reserved(store, "3")
        text = HOLD.text.replace("FOR UPDATE", "")
        assert text != HOLD.text
        unlocked = Statement(HOLD.clause)
        unlocked.text = text
        monkeypatch.setattr(postgres_reservations, "HOLD", unlocked)
        async with admin.transaction():
            await admin.execute(_HOLD_BALANCES, store.business.tenant_id)
            extension = {"expires_in_seconds": 9_000}
            with pytest.raises(AssertionError, match="did not wait"):
                await waiting(act(store.business, made["id"], "extend", extension))
