"""The check of the ledger finds nothing where nothing is wrong, whatever happens meanwhile."""

import asyncio
import random
from uuid import UUID

import pytest

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.errors import InsufficientStockError
from sokho.modules.stock.infrastructure import verification
from tests.integration.ledger import Ledger


async def _trade(ledger: Ledger, chance: random.Random, documents: int) -> None:
    """Post documents and reversals at random; what is short is left."""
    places = list(ledger.locations)
    done: list[UUID] = []
    for _ in range(documents):
        kind = chance.choice(["receipt", "receipt", "issue", "transfer", "adjustment", "reverse"])
        source, target = chance.sample(places, 2)
        sides = {
            "receipt": (None, target),
            "issue": (source, None),
            "adjustment": chance.choice([(source, None), (None, target)]),
        }.get(kind, (source, target))
        try:
            if kind == "reverse" and done:
                await ledger.reverse(done.pop(chance.randrange(len(done))))
            elif kind != "reverse":
                lines = [
                    (chance.choice("AC"), f"{chance.randrange(1, 5000) / 1000}", *sides)
                    for _ in range(chance.randrange(1, 4))
                ]
                done.append((await ledger.post(kind, *lines)).id)
        except InsufficientStockError:
            continue


class TestCleanLedger:
    @pytest.fixture
    async def ledger(
        self, database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys
    ) -> Ledger:
        return await Ledger.opened(database, urls.admin, derived_keys, items="AC", bins="BDE")

    @pytest.mark.parametrize("at_once", [7, 5_000])
    async def test_passes_while_others_post(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, at_once: int
    ):
        monkeypatch.setattr(verification, "_MOVES_AT_ONCE", at_once)
        monkeypatch.setattr(verification, "_DOCUMENTS_AT_ONCE", min(at_once, 200))
        traders = [
            asyncio.create_task(_trade(ledger, random.Random(seed), 60)) for seed in range(3)
        ]
        checks = 0
        while not all(trader.done() for trader in traders):
            for sku in (None, "A"):
                found = await ledger.verified(sku)
                assert (found.findings, found.is_complete) == ((), True)
                checks += 1
        await asyncio.gather(*traders)
        assert checks > 2
        moves = await ledger.as_superuser("SELECT count(*) FROM stock_moves WHERE tenant_id = $1")
        assert (await ledger.verified()).moves == moves
        each = [(await ledger.verified(sku)).moves for sku in "AC"]
        assert sum(each) == moves
        assert min(each) > 3 * 7

    async def test_is_cut_where_an_item_has_more_moves_than_asked_for(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(verification, "_MOVES_AT_ONCE", 7)
        for _ in range(20):
            await ledger.post("receipt", ("A", "1", None, "KHO"))
        # Twice seven moves, and the seven lines of the first seven's documents.
        found = await ledger.verified("A", most_moves=15)
        assert (found.moves, found.is_complete, found.findings) == (14, False, ())
        found = await ledger.verified("A", most_moves=40)
        assert (found.moves, found.is_complete) == (20, True)

    async def test_without_anything_is_proven(self, ledger: Ledger):
        found = await ledger.verified()
        assert (found.moves, found.is_complete, found.findings) == (0, True, ())

    async def test_findings_are_bounded(self, ledger: Ledger):
        for _ in range(4):
            await ledger.post("receipt", ("A", "1", None, "KHO"))
        await ledger.as_superuser("UPDATE stock_transactions SET note = 'x' WHERE tenant_id = $1")
        found = await ledger.verified(most_findings=3)
        assert (len(found.findings), found.is_complete) == (3, False)
        found = await ledger.verified(most_findings=4)
        assert (len(found.findings), found.is_complete) == (4, True)
