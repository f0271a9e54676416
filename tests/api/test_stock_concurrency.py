"""Many at once on the same goods: nothing is sold twice, nothing lost, no number skipped."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from tests.api.catalogue import an_item_of, id_of, shown
from tests.api.problems import problem_of
from tests.api.stocked import TRANSACTIONS, Store, posted, reversed_, sent
from tests.conftest import Business
from tests.integration.waiting import waiting
from tests.recomputed import unconserved_items, wrong_accounts

ANY: Final = {"If-Match": "*"}


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


@pytest.fixture
async def admin(urls: DatabaseUrls) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
async def it_adds_up(
    store: Store, admin: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[None]:
    """Recompute every balance from the moves, past the service, when a test is over."""
    yield
    assert await store.levels()
    assert await wrong_accounts(admin, store.business.tenant_id) == []
    assert await unconserved_items(admin, store.business.tenant_id) == []


async def together(*calls: Awaitable[httpx2.Response]) -> list[httpx2.Response]:
    return await asyncio.gather(*calls)


def statuses(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def numbers(answers: list[httpx2.Response]) -> list[int]:
    """Return the numbers that documents were given, in order."""
    return sorted(
        int(answer.json()["document_no"].rpartition("-")[2])
        for answer in answers
        if answer.status_code == 201
    )


class TestHotItem:
    async def test_is_issued_as_often_as_there_is_one(self, store: Store):
        await store.receive("20")
        answers = await together(*(store.issue("1") for _ in range(100)))
        assert statuses(answers) == {201: 20, 409: 80}
        for answer in answers:
            if answer.status_code == 409:
                problem_of(answer, 409, "insufficient_stock")
        left = sorted(
            Decimal(answer.json()["lines"][0]["from_after"])
            for answer in answers
            if answer.status_code == 201
        )
        assert left == [*range(20)]
        assert numbers(answers) == [*range(1, 21)]
        assert await store.on_hand() == "0"

    async def test_is_issued_in_lots_that_together_fit(self, store: Store):
        await store.receive("50")
        chance = random.Random(1)
        lots = [chance.randint(1, 7) for _ in range(40)]
        answers = await together(*(store.issue(str(lot)) for lot in lots))
        taken = sum(
            lot for lot, answer in zip(lots, answers, strict=True) if answer.status_code == 201
        )
        assert await store.on_hand() == str(50 - taken)
        assert taken <= 50
        assert min(lots[n] for n, a in enumerate(answers) if a.status_code == 409) > 50 - taken


class TestTransfers:
    async def test_in_opposite_order_all_come_through(self, store: Store):
        ids = [id_of(await an_item_of(store.business, f"S{n}")) for n in range(8)]
        for place in (store.here, store.there):
            lines = [store.line("100", target=place, item_id=id) for id in ids]
            await posted(store.business, "receipt", *lines)
        chance = random.Random(2)
        calls = []
        for turn in range(60):
            ends = (store.here, store.there) if turn % 2 else (store.there, store.here)
            order = chance.sample(ids, len(ids))
            lines = [store.line("1", *ends, item_id=id) for id in order]
            calls.append(sent(store.business, "transfer", *lines))
        answers = await together(*calls)
        assert statuses(answers) == {201: 60}, {answer.text for answer in answers}
        assert numbers(answers) == [*range(1, 61)]
        assert {*(await store.levels()).values()} == {"100"}


class TestFirstMoves:
    async def test_of_an_item_open_its_accounts_once(self, store: Store):
        """All of them find no account, and all want the same ones, in any order."""
        ids = [id_of(await an_item_of(store.business, f"S{n}")) for n in range(6)]
        chance = random.Random(3)
        calls = []
        for _ in range(30):
            chosen = chance.sample(ids, 4)
            lines = [
                store.line("1", target=chance.choice([store.here, store.there]), item_id=id)
                for id in chosen
            ]
            calls.append(sent(store.business, "receipt", *lines))
        answers = await together(*calls)
        assert statuses(answers) == {201: 30}, {answer.text for answer in answers}
        assert numbers(answers) == [*range(1, 31)]
        assert sum(map(int, (await store.levels()).values())) == 120

    async def test_are_told_in_the_unit_that_the_item_has(self, store: Store):
        for turn in range(10):
            url = await an_item_of(store.business, f"U{turn}", unit="lon")
            line = store.line("1", target=store.here, item_id=id_of(url))
            changed, receipt = await together(
                store.http.patch(url, json={"unit": "thùng"}, headers=ANY),
                sent(store.business, "receipt", line),
            )
            assert (changed.status_code, receipt.status_code) in {(200, 201), (409, 201)}
            unit = (await shown(store.business, url))["unit"]
            assert receipt.json()["lines"][0]["unit"] == unit

    async def test_hold_the_unit_until_they_are_posted(self, store: Store, app: FastAPI):
        url = await an_item_of(store.business, "U", unit="lon")
        document = Document(
            type=TransactionType.RECEIPT,
            lines=(
                Line(
                    quantity=Decimal(1),
                    item_id=UUID(id_of(url)),
                    to_location_id=UUID(store.here),
                ),
            ),
        )
        async with app.state.database.transaction(store.business.tenant_id) as tx:
            service = StockService(PostgresStockRepo(tx, app.state.ledger_seal), tx)
            await service.post(document, actor="test")
            change = await waiting(store.http.patch(url, json={"unit": "thùng"}, headers=ANY))
        problem_of(await change, 409, "unit_in_use")

    async def test_and_the_deletion_of_the_item_or_place_never_both(self, store: Store):
        await store.receive("1")
        for turn in range(10):
            url = await an_item_of(store.business, f"D{turn}")
            line = store.line("1", target=store.there, item_id=id_of(url))
            place = {"code": f"D{turn}", "name": "x", "kind": "warehouse"}
            made = await store.http.post("/v1/locations", json=place)
            there = store.line("1", target=made.json()["id"])
            answers = await together(
                *(store.http.delete(each, headers=ANY) for each in (url, made.headers["location"])),
                *(sent(store.business, "receipt", each) for each in (line, there)),
            )
            for gone, came in zip(answers[:2], answers[2:], strict=True):
                assert (gone.status_code, came.status_code) in {(204, 422), (409, 201)}


class TestNumbers:
    async def test_have_no_gap_whatever_is_refused_meanwhile(self, store: Store):
        await store.receive("1000")
        chance = random.Random(5)
        calls: list[Awaitable[httpx2.Response]] = []
        for turn in range(90):
            own: dict[str, Any] = {"external_ref": "one of all"} if turn % 3 == 1 else {}
            quantity = "2000" if turn % 3 == 2 else "1"
            calls.append(store.issue(quantity, **own))
        chance.shuffle(calls)
        answers = await together(*calls)
        assert statuses(answers) == {201: 31, 409: 59}
        assert numbers(answers) == [*range(1, 32)]

    async def test_given_by_clients_meanwhile_are_passed_over(self, store: Store):
        date = {"effective_at": "2025-05-01T00:00:00Z"}
        own = {f"PN-2025-{number:06}" for number in range(3, 40, 4)}
        line = store.line("1", target=store.here)
        await posted(store.business, "receipt", line)
        answers = await together(
            *(sent(store.business, "receipt", line, **date) for _ in range(30)),
            *(sent(store.business, "receipt", line, document_no=no, **date) for no in sorted(own)),
        )
        assert {answer.status_code for answer in answers[:30]} == {201}
        assert {answer.status_code for answer in answers[30:]} <= {201, 409}
        given = numbers(answers)
        assert len(given) == len({*given})
        assert {*range(1, 31)} <= {*given}


class TestReversals:
    async def test_of_one_document_are_won_by_one(self, store: Store):
        for kind in ("receipt", "issue"):
            receipt = await store.receive("5")
            document = receipt if kind == "receipt" else (await store.issue("5")).json()
            answers = await together(*(reversed_(store.business, document["id"]) for _ in range(8)))
            assert statuses(answers) == {201: 1, 409: 7}
            for answer in answers:
                if answer.status_code == 409:
                    problem_of(answer, 409, "already_reversed")
            after = await shown(store.business, f"{TRANSACTIONS}/{document['id']}")
            assert after["reversed_by_id"] is not None


class TestOneKey:
    async def test_sent_many_times_at_once_posts_once(self, store: Store):
        line = store.line("1", target=store.here)
        answers = await together(
            *(sent(store.business, "receipt", line, key="k") for _ in range(20))
        )
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
        assert await store.on_hand() == "1"
