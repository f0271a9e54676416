"""The races that other systems lost, each by its report: what oversold there is refused here."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.errors import InsufficientStockError
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from tests.api.catalogue import an_item_of, id_of
from tests.api.problems import problem_of
from tests.api.stocked import Store, posted, reversed_, sent
from tests.conftest import Business
from tests.recomputed import numbers_with_gaps, unconserved_items, wrong_accounts


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


@pytest.fixture(autouse=True)
async def it_adds_up(store: Store, urls: DatabaseUrls) -> AsyncIterator[None]:
    """Recompute every balance from the moves, past the service, when a test is over."""
    yield
    admin = await asyncpg.connect(urls.admin)
    for look in (wrong_accounts, unconserved_items, numbers_with_gaps):
        assert await look(admin, store.business.tenant_id) == []
    await admin.close()


def statuses(answers: Iterable[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


class TestOneStockTakenInSeveralWays:
    """InvenTree #12478: five pieces, given in full to two requests, of one kind or of two."""

    async def test_is_taken_in_one_of_them(self, store: Store):
        for _ in range(5):
            receipt = await store.receive("5")
            out = store.line("5", store.here)
            answers = await asyncio.gather(
                store.issue("5"),
                store.issue("5"),
                store.transfer("5"),
                sent(store.business, "adjustment", out, reason="damage"),
                reversed_(store.business, receipt["id"]),
            )
            assert statuses(answers) == {201: 1, 409: 4}, {each.text for each in answers}
            assert await store.on_hand() == "0"


class TestCallersWithoutALockOfTheirOwn:
    """Medusa #16569: the check was safe only inside workflows that took a lock around it."""

    async def test_cannot_both_have_the_last_piece(self, store: Store, app: FastAPI):
        taken = UUID(store.item_id), UUID(store.here)
        line = Line(quantity=Decimal(1), item_id=taken[0], from_location_id=taken[1])
        document = Document(type=TransactionType.ISSUE, lines=(line,))

        async def issue() -> bool:
            async with app.state.database.transaction(store.business.tenant_id) as tx:
                service = StockService(PostgresStockRepo(tx, app.state.ledger_seal), tx)
                try:
                    await service.post(document, actor="test")
                except InsufficientStockError:
                    return False
                return True

        for _ in range(10):
            await store.receive("1")
            assert sorted(await asyncio.gather(issue(), issue(), issue())) == [False, False, True]


class TestLinesOfOneItem:
    """Medusa #16502, Vendure #1028: each line was held against the same balance."""

    @pytest.mark.parametrize("lines", [("3", "3"), ("5", "1"), ("1", "2", "3")])
    async def test_are_summed_first(self, store: Store, lines: tuple[str, ...]):
        await store.receive("5")
        asked = (store.line(quantity, store.here) for quantity in lines)
        problem = problem_of(await sent(store.business, "issue", *asked), 409, "insufficient_stock")
        told = {(each["requested"], each["available"]) for each in problem["errors"]}
        assert told == {("6", "5")}
        assert await store.on_hand() == "5"

    async def test_are_summed_whatever_name_and_unit_they_have(self, store: Store):
        await store.receive("20")
        named: dict[str, Any] = {"quantity": "9", "sku": "a", "from_location_id": store.here}
        cases = store.line("1", store.here, unit="thùng")
        problem_of(await sent(store.business, "issue", cases, named), 409, "insufficient_stock")
        await posted(store.business, "issue", cases, named | {"quantity": "8"})
        assert await store.on_hand() == "0"


class TestCheckAndEffect:
    """Vendure #1738: what was checked in one transaction was gone in that which took it.

    A paid order was then given less than it asked for, and told nothing.
    """

    async def test_are_one_and_a_document_is_posted_whole_or_not(self, store: Store):
        ids = [id_of(await an_item_of(store.business, f"S{n}")) for n in range(4)]
        received = [store.line("6", target=store.here, item_id=id) for id in ids]
        await posted(store.business, "receipt", *received)
        chance = random.Random(11)
        orders = [chance.sample(ids, chance.randint(2, 4)) for _ in range(30)]
        answers = await asyncio.gather(
            *(
                sent(
                    store.business,
                    "issue",
                    *(store.line("2", store.here, item_id=id) for id in order),
                )
                for order in orders
            )
        )
        taken: Counter[str] = Counter()
        for order, answer in zip(orders, answers, strict=True):
            assert answer.status_code in {201, 409}, answer.text
            if answer.status_code == 201:
                assert [line["item_id"] for line in answer.json()["lines"]] == order
                taken.update(order)
        levels = await store.levels()
        for id in ids:
            assert levels[id, store.here] == str(6 - 2 * taken[id])
        assert max(taken.values()) == 3
        # Who was refused wanted something that was gone at the end, whoever took it.
        for order, answer in zip(orders, answers, strict=True):
            assert answer.status_code == 201 or any(taken[id] == 3 for id in order)


class TestReceiptsAtOnce:
    """InvenTree #12380, nopCommerce #8085: two read the same balance, and one write was lost."""

    async def test_are_all_there(self, store: Store):
        lots = [*range(1, 31)]
        answers = await asyncio.gather(
            *(
                sent(store.business, "receipt", store.line(str(lot), target=store.here))
                for lot in lots
            )
        )
        assert statuses(answers) == {201: len(lots)}
        assert await store.on_hand() == str(sum(lots))
        seqs = sorted(answer.json()["lines"][0]["to_seq"] for answer in answers)
        assert seqs == [*range(1, len(lots) + 1)]


class TestOneOrderFromSeveralSystems:
    """An order that is fulfilled by two systems, each with a key of its own, is fulfilled once."""

    async def test_is_posted_for_one_of_them(self, store: Store):
        await store.receive("100")
        answers = await asyncio.gather(*(store.issue("1", external_ref="ĐH-1") for _ in range(10)))
        assert statuses(answers) == {201: 1, 409: 9}
        for answer in answers:
            if answer.status_code == 409:
                problem_of(answer, 409, "duplicate_external_ref")
        assert await store.on_hand() == "99"
