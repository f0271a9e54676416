"""Entering documents: what the database makes of them, beside a few lines of plain arithmetic."""

import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import asyncpg
import pytest

from sokho.core.domain.errors import InvalidError
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.errors import (
    InsufficientStockError,
    QuantityOutOfRangeError,
    QuantityPrecisionError,
)
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from tests.altered_function import ENTER, altered
from tests.integration.ledger import Ledger

PLACES: Final = ("KHO", "B", "C")
MOST: Final = Decimal(10) ** 14

_UNITS: Final = """
    INSERT INTO units (tenant_id, code, name, decimals, version)
    SELECT $1, code, code, decimals, 1
    FROM (VALUES ('m6', 6), ('u0', 0), ('u1', 1), ('u6', 6)) AS unit (code, decimals)
"""
_CONVERSION: Final = """
    INSERT INTO item_conversions (tenant_id, item_id, unit, numerator, denominator)
    VALUES ($1, $2, $3, $4, $5)
"""


@pytest.fixture
async def ledger(database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys) -> Ledger:
    return await Ledger.opened(database, urls.admin, derived_keys, items="XY", bins="BC")


def chain(posted: StockTransaction, ledger: Ledger, place: str) -> list[tuple[int, int]]:
    """Return number and balance after each move of a place, in the order of the numbers."""
    sides = [side for move in posted.moves for side in (move.source, move.target)]
    of_place = [side for side in sides if side.location_id == ledger.locations[place]]
    return sorted((side.seq or 0, int(side.after or 0)) for side in of_place)


async def told(posting: Awaitable[Any]) -> list[tuple[str, str]]:
    with pytest.raises((InvalidError, InsufficientStockError)) as error:
        await posting
    return [(each.pointer, each.code) for each in error.value.errors]


class TestMoves:
    async def test_of_several_lines_go_on_from_one_another(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "6", None, "KHO"))
        lines = [("X", quantity, "KHO", None) for quantity in ("1", "2", "3")]
        posted = await ledger.post("issue", *lines)
        assert [move.line_no for move in posted.moves] == [1, 2, 3]
        assert chain(posted, ledger, "KHO") == [(2, 5), (3, 3), (4, 0)]

    async def test_may_pass_on_what_the_same_document_has_brought(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "5", None, "KHO"))
        posted = await ledger.post("transfer", ("X", "5", "KHO", "B"), ("X", "5", "B", "C"))
        assert chain(posted, ledger, "KHO") == [(2, 0)]
        assert chain(posted, ledger, "B") == [(1, 5), (2, 0)]
        assert chain(posted, ledger, "C") == [(1, 5)]

    async def test_may_not_pass_on_before_it_is_brought(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "5", None, "KHO"))
        posting = ledger.post("transfer", ("X", "5", "B", "C"), ("X", "5", "KHO", "B"))
        assert await told(posting) == [("/lines/0", "insufficient_stock")]

    async def test_are_taken_back_last_first(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "5", None, "KHO"))
        posted = await ledger.post("transfer", ("X", "5", "KHO", "B"), ("X", "5", "B", "C"))
        undone = await ledger.reverse(posted.id)
        assert [move.line_no for move in undone.moves] == [1, 2]
        assert chain(undone, ledger, "C") == [(2, 0)]
        assert chain(undone, ledger, "B") == [(3, 5), (4, 0)]
        assert chain(undone, ledger, "KHO") == [(3, 5)]
        assert await ledger.findings() == set()

    async def test_are_not_taken_back_where_there_is_no_room(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "5", None, "KHO"))
        posted = await ledger.post("issue", ("X", "5", "KHO", None))
        await ledger.post("receipt", ("X", str(MOST - 1), None, "KHO"))
        with pytest.raises(QuantityOutOfRangeError):
            await ledger.reverse(posted.id)


class TestFaults:
    async def test_of_several_kinds_are_told_together_line_by_line(self, ledger: Ledger):
        posting = ledger.post(
            "receipt", ("?", "1", None, "KHO"), ("X", "1", None, "KHO"), ("X", "0", None, "KHO")
        )
        assert await told(posting) == [
            ("/lines/0/item_id", "unknown_item"),
            ("/lines/2/quantity", "quantity_out_of_range"),
        ]

    async def test_shortages_name_the_lines_of_short_places_alone(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "9", None, "KHO"), ("Y", "1", None, "KHO"))
        lines = ("X", "1", "KHO", None), ("Y", "1", "KHO", None), ("Y", "1", "KHO", None)
        with pytest.raises(InsufficientStockError) as error:
            await ledger.post("issue", *lines)
        assert [each.pointer for each in error.value.errors] == ["/lines/1", "/lines/2"]
        assert {
            (each.more["requested"], each.more["available"]) for each in error.value.errors
        } == {("2", "1")}

    @pytest.mark.parametrize(
        ("unit", "ratio", "quantity", "expected"),
        [
            ("u0", (24, 1), "2", "48"),
            ("u0", (1, 3), "1", QuantityPrecisionError),
            ("u0", (1, 3), "3", "1"),
            ("u0", (1, 64), "1", "0.015625"),
            ("u0", (1, 128), "1", QuantityPrecisionError),
            ("u1", (1, 2), "0.1", "0.05"),
            ("u1", (1, 2), "0.01", QuantityPrecisionError),
            ("u6", (1, 10), "0.000001", QuantityPrecisionError),
            ("u0", (1000, 1), "99999999999", "99999999999000"),
            ("u0", (1000, 1), "100000000000", QuantityOutOfRangeError),
            ("u0", (10**9, 1), "99999999999999", QuantityOutOfRangeError),
        ],
    )
    async def test_none_comes_of_what_is_exact_in_the_items_own_unit(
        self, ledger: Ledger, unit: str, ratio: tuple[int, int], quantity: str, expected: Any
    ):
        item = ledger.items["X"]
        await ledger.as_superuser(_UNITS)
        await ledger.as_superuser(
            "UPDATE items SET unit = 'm6' WHERE tenant_id = $1 AND id = $2", item
        )
        await ledger.as_superuser(_CONVERSION, item, unit, *ratio)
        posting = ledger.post("receipt", ("X", quantity, None, "KHO"), unit=unit)
        if isinstance(expected, str):
            [move] = (await posting).moves
            assert (move.quantity, move.entered_quantity) == (Decimal(expected), Decimal(quantity))
            assert move.entered_unit == unit
            return
        with pytest.raises(expected):
            await posting


@dataclass
class Plain:
    """A ledger as plain arithmetic: what is where, and how many moves each place has had."""

    there: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)

    def posted(self, *lines: tuple[str, str, str | None, str | None]) -> list[Any] | None:
        """Return numbers and balances of both ends of each line; None where something is short."""
        there, seqs, told = dict(self.there), dict(self.seqs), []
        short = False
        for sku, quantity, source, target in lines:
            ends: list[Any] = []
            for place, by in ((source, -Decimal(quantity)), (target, Decimal(quantity))):
                if place is None:
                    ends.append((None, None))
                    continue
                at = sku, place
                there[at] = there.get(at, Decimal(0)) + by
                seqs[at] = seqs.get(at, 0) + 1
                short = short or there[at] < 0
                ends.append((seqs[at], there[at]))
            told.append(ends)
        if short:
            return None
        self.there, self.seqs = there, seqs
        return told


class TestArithmetic:
    async def compare(self, ledger: Ledger, seed: int, documents: int) -> int:
        """Post documents at random to both, and return how many were posted."""
        chance, plain, done = random.Random(seed), Plain(), 0
        for _ in range(documents):
            kind = chance.choice(["receipt", "issue", "transfer", "transfer"])
            lines = []
            for _ in range(chance.randint(1, 6)):
                source, target = chance.sample(PLACES, 2)
                quantity = str(Decimal(chance.randint(1, 3_000)) / 1_000)
                lines.append(
                    (
                        chance.choice("XY"),
                        quantity,
                        None if kind == "receipt" else source,
                        None if kind == "issue" else target,
                    )
                )
            expected = plain.posted(*lines)
            try:
                posted = await ledger.post(kind, *lines)
            except InsufficientStockError:
                assert expected is None
                continue
            done += 1
            assert [
                [(side.seq, side.after) for side in (move.source, move.target)]
                for move in posted.moves
            ] == expected
        return done

    async def test_is_that_of_paper(self, ledger: Ledger):
        assert await self.compare(ledger, seed=1, documents=60) > 20
        assert await ledger.findings() == set()

    async def test_that_is_altered_differs(self, scratch: DatabaseUrls, derived_keys: DerivedKeys):
        """The control: every line reckons with what was there before the document."""
        database = Database(scratch.app, pool_size=1)
        ledger = await Ledger.opened(database, scratch.admin, derived_keys, items="XY", bins="BC")
        admin = await asyncpg.connect(ledger.admin)
        old = "from_after := there[place] - amount"
        new = "from_after := held[place].on_hand - amount"
        async with altered(admin, ENTER, (old, new)):
            with pytest.raises(AssertionError):
                await self.compare(ledger, seed=1, documents=60)
        await admin.close()
        await database.close()


class TestBinding:
    """Where the function is a transaction of its own, it binds the tenant for itself alone."""

    async def left_behind(self, scratch: DatabaseUrls, keys: DerivedKeys) -> str:
        """Return the tenant that is bound on a connection when a document was posted alone."""
        database = Database(scratch.app, pool_size=1)
        ledger = await Ledger.opened(database, scratch.admin, keys, items="X", bins="B")
        await ledger.post("receipt", ("X", "1", None, "KHO"))
        tx = database.transaction(ledger.tenant_id)
        tx.commit_with_change()
        line = Line(sku="X", quantity=Decimal(1), to_location_id=ledger.locations["KHO"])
        receipt = Document(type=TransactionType.RECEIPT, lines=(line,))
        await StockService(PostgresStockRepo(tx, ledger.seal), tx).post(receipt, actor="x")
        assert tx.round_trips == 1
        [connection] = database._pool._free
        bound = await connection.fetchval("SELECT current_setting('app.current_tenant', true)")
        await database.close()
        return str(bound)

    async def test_leaves_nothing_on_the_connection(
        self, scratch: DatabaseUrls, derived_keys: DerivedKeys
    ):
        assert await self.left_behind(scratch, derived_keys) == ""

    async def test_for_longer_is_seen(self, scratch: DatabaseUrls, derived_keys: DerivedKeys):
        """The control."""
        admin = await asyncpg.connect(scratch.admin)
        async with altered(admin, ENTER, ("tenant::text, true)", "tenant::text, false)")):
            assert await self.left_behind(scratch, derived_keys) != ""
        await admin.close()


class TestLimits:
    async def test_of_what_a_line_leaves_are_no_failure(self, ledger: Ledger):
        most = str(MOST - 1)
        lines = [("X", most, "KHO", None), ("X", most, "KHO", None), ("X", "1", None, "KHO")]
        posting = ledger.post("adjustment", *lines)
        assert await told(posting) == [(f"/lines/{n}", "insufficient_stock") for n in (0, 1)]

    async def test_name_the_line_that_is_undone(self, ledger: Ledger):
        await ledger.post("receipt", ("X", "5", None, "KHO"), ("X", "5", None, "B"))
        posted = await ledger.post("issue", ("X", "5", "KHO", None), ("X", "5", "B", None))
        await ledger.post("receipt", ("X", str(MOST - 1), None, "KHO"))
        reversing = ledger.reverse(posted.id)
        assert await told(reversing) == [("/lines/0/quantity", "quantity_out_of_range")]

    async def test_of_clients_numbers_are_passed_over_at_once(self, ledger: Ledger):
        first = await ledger.post("receipt", ("X", "1", None, "KHO"))
        year = first.posted_at.year
        taken = f"PN-{year}-000002"
        await ledger.post("receipt", ("X", "1", None, "KHO"), document_no=taken)
        await ledger.as_superuser(
            "INSERT INTO stock_transactions (tenant_id, id, type, year, document_no, effective_at, "
            "posted_at, actor, digest, digest_key_id) "
            "SELECT tenant_id, uuidv7(), type, year, 'PN-' || year || '-' || "
            "lpad(n::text, 6, '0'), effective_at, posted_at, actor, digest, digest_key_id "
            "FROM stock_transactions, generate_series(3, 60000) AS n "
            "WHERE tenant_id = $1 AND document_no = $2",
            taken,
        )
        posted = await ledger.post("receipt", ("X", "1", None, "KHO"))
        assert posted.document_no == f"PN-{year}-060001"
