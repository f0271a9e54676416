"""Documents of the past, held against plain sums: taken where nothing later falls short."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain import service
from sokho.modules.stock.domain.backdating import month_of
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.errors import InsufficientStockError
from sokho.modules.stock.domain.reads import CardFilter, LevelFilter
from sokho.modules.stock.domain.repository import LateLeg
from sokho.modules.stock.infrastructure.backdating_statements import LOWS, SUM_UP
from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads
from tests.integration.ledger import Ledger
from tests.integration.plans import Explaining, Plan

PLACES: Final = ("KHO", "B", "C")
JANUARY, FEBRUARY = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 2, 7, tzinfo=UTC)
FIRST: Final = datetime(2025, 11, 1, tzinfo=UTC)

Change = tuple[str, Decimal]
"""A place, and by how much a line changes what is there."""


@dataclass
class Model:
    """What is at each place, by adding up alone: each change with its date and its number."""

    changes: dict[str, list[tuple[datetime, int, Decimal]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def would_take(self, at: datetime, changes: list[Change]) -> bool:
        """Whether there is enough now, after each line, and by date at every later one."""
        after = Model(defaultdict(list, {place: [*of] for place, of in self.changes.items()}))
        for place, change in changes:
            after.add(at, [(place, change)])
            if sum(each for *_, each in after.changes[place]) < 0:
                return False
        return all(min(balance for _, balance in after.card(place)) >= 0 for place, _ in changes)

    def add(self, at: datetime, changes: list[Change]) -> None:
        for place, change in changes:
            self.changes[place].append((at, len(self.changes[place]) + 1, change))

    def card(self, place: str) -> list[tuple[datetime, Decimal]]:
        """Return what was there after each change, by date."""
        ordered = sorted(self.changes[place])
        return list(
            zip(
                (at for at, *_ in ordered),
                accumulate(change for *_, change in ordered),
                strict=True,
            )
        )

    def as_of(self, place: str, at: datetime) -> Decimal:
        return sum((change for when, _, change in self.changes[place] if when <= at), Decimal(0))


def lines_of(chance: random.Random, kind: str) -> list[tuple[str, str, str | None, str | None]]:
    lines = []
    for _ in range(chance.randint(1, 3)):
        source, target = chance.sample(PLACES, 2)
        sides: dict[str, tuple[str | None, str | None]] = {
            "receipt": (None, target),
            "issue": (source, None),
            "transfer": (source, target),
            "adjustment": chance.choice([(source, None), (None, target)]),
        }
        lines.append(("A", str(chance.randint(1, 9)), *sides[kind]))
    return lines


def changes_of(lines: list[Any]) -> list[Change]:
    changes = []
    for _, quantity, source, target in lines:
        changes += [(source, -Decimal(quantity))] if source else []
        changes += [(target, Decimal(quantity))] if target else []
    return changes


def scattered(trade: "Trade") -> datetime | None:
    """Return one of few days in seven months, so that dates are equal again and again; or None."""
    if trade.chance.random() >= 0.8:
        return None
    return FIRST + timedelta(days=trade.chance.randrange(0, 200, 3))


@dataclass
class Trade:
    """A ledger that is traded with at random, beside a model that judges each document."""

    ledger: Ledger
    chance: random.Random
    dates: Callable[["Trade"], datetime | None]
    """Of what date the next document is, None for now."""

    undoes_from: int = 0
    """How many documents come before the first reversal, which is of now."""

    model: Model = field(default_factory=Model)
    done: list[tuple[StockTransaction, list[Any]]] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    """Documents that were taken or refused though the model says otherwise."""

    async def one(self) -> None:
        if len(self.done) > self.undoes_from and self.chance.random() < 0.1:
            original, lines = self.done.pop(self.chance.randrange(len(self.done)))
            undone = [(sku, q, target, source) for sku, q, source, target in reversed(lines)]
            await self._hold("reversal", undone, None, lambda: self.ledger.reverse(original.id))
            return
        kind = self.chance.choice(["receipt", "receipt", "issue", "transfer", "adjustment"])
        lines = lines_of(self.chance, kind)
        at = self.dates(self)
        given = {} if at is None else {"effective_at": at}
        done = await self._hold(kind, lines, at, lambda: self.ledger.post(kind, *lines, **given))
        if done is not None:
            self.done.append((done, lines))

    async def _hold(
        self, kind: str, lines: list[Any], at: datetime | None, act: Any
    ) -> StockTransaction | None:
        now = at or datetime.now(UTC)
        expected = self.model.would_take(now, changes_of(lines))
        try:
            document: StockTransaction = await act()
        except InsufficientStockError:
            self.refused += 1
            if expected:
                self.wrong.append(f"refused {kind} of {at}: {lines}")
            return None
        if not expected:
            self.wrong.append(f"took {kind} of {at}: {lines}")
        self.model.add(document.effective_at, changes_of(lines))
        return document


@pytest.fixture
async def ledger(database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys) -> Ledger:
    return await Ledger.opened(database, urls.admin, derived_keys, items="A", bins="BC")


async def card_of(reads: PostgresStockReads, ledger: Ledger, place: str, sort: Sort) -> list[Any]:
    """Return the whole card, read in pages of seven."""
    whose = CardFilter(item_id=ledger.items["A"], location_id=ledger.locations[place])
    found: list[Any] = []
    after = None
    while page := await reads.card(whose, 7, sort=sort, after=after):
        found += page
        after = (page[-1].effective_at, page[-1].seq)
    return found


def every_ten_days(trade: Trade) -> Iterator[datetime]:
    for days in range(-1, 210, 10):
        yield FIRST + timedelta(days=days, hours=trade.chance.choice([0, 1]))


async def reads_agree(trade: Trade, times: Iterable[datetime]) -> None:
    """Compare the levels as of some times, and each card by date, with plain sums."""
    ledger, model = trade.ledger, trade.model
    places = {id: place for place, id in ledger.locations.items()}
    async with ledger.database.transaction(ledger.tenant_id, read_only=True) as tx:
        reads = PostgresStockReads(tx)
        for at in times:
            for level in await reads.levels(LevelFilter(as_of=at)):
                place = places[level.location_id]
                assert level.on_hand == model.as_of(place, at), (place, at)
        for place in PLACES:
            expected = model.card(place)
            for sort in (Sort("effective_at"), Sort("effective_at", descending=True)):
                lines = await card_of(reads, ledger, place, sort)
                told = [(line.effective_at, line.balance) for line in lines]
                assert told == (expected[::-1] if sort.descending else expected)


class TestDocumentsOfThePast:
    @pytest.mark.parametrize("seed", range(3))
    async def test_are_taken_where_nothing_later_falls_short(self, ledger: Ledger, seed: int):
        trade = Trade(ledger, random.Random(seed), scattered)
        for _ in range(120):
            await trade.one()
        assert trade.wrong == []
        assert min(trade.refused, len(trade.done)) > 10
        assert await ledger.findings() == set()
        await reads_agree(trade, every_ten_days(trade))

    async def test_fall_short_without_the_check(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ):
        """The control: what the check refuses is taken, and a balance by date is below nothing."""

        async def unchecked(*_: object) -> None:
            return

        monkeypatch.setattr(service, "keep_dates", unchecked)
        trade = Trade(ledger, random.Random(0), scattered)
        for _ in range(60):
            await trade.one()
        assert trade.wrong
        assert all(each.startswith("took") for each in trade.wrong)
        lows = [min(balance for _, balance in trade.model.card(place)) for place in PLACES]
        assert min(lows) < 0
        with pytest.raises(AssertionError):
            await reads_agree(trade, every_ten_days(trade))

    @pytest.mark.parametrize(
        ("asked", "available", "short_on"),
        [("8", "7", FEBRUARY), ("11", "7", JANUARY), ("7", None, None)],
    )
    async def test_are_refused_with_what_could_be_taken_and_when_it_falls_short(
        self, ledger: Ledger, asked: str, available: str | None, short_on: datetime | None
    ):
        for type, quantity, sides, day in [
            ("receipt", "10", (None, "KHO"), (2026, 1, 5)),
            ("issue", "0.5", ("KHO", None), (2026, 1, 20)),
            ("issue", "2.5", ("KHO", None), (2026, 2, 7)),
            ("receipt", "90", (None, "KHO"), (2026, 2, 8)),
            ("issue", "1", ("KHO", None), (2026, 4, 1)),
        ]:
            await ledger.post(
                type, ("A", quantity, *sides), effective_at=datetime(*day, tzinfo=UTC)
            )
        if available is None:
            await ledger.post("issue", ("A", asked, "KHO", None), effective_at=JANUARY)
            return
        with pytest.raises(InsufficientStockError) as caught:
            await ledger.post("issue", ("A", asked, "KHO", None), effective_at=JANUARY)
        [error] = caught.value.errors
        assert error.more == {
            "item_id": ledger.items["A"],
            "location_id": ledger.locations["KHO"],
            "requested": asked,
            "available": available,
            "short_at": short_on,
        }

    async def test_wait_for_who_takes_from_the_same_place(self, ledger: Ledger):
        """Two that each fit alone: the one that comes second sees the first."""
        day = datetime(2026, 1, 5, tzinfo=UTC)
        await ledger.post("receipt", ("A", "10", None, "KHO"), effective_at=day)
        await ledger.post("receipt", ("A", "10", None, "KHO"))
        later = [
            ledger.post("issue", ("A", "7", "KHO", None), effective_at=day + timedelta(days=n))
            for n in (1, 40)
        ]
        done = await asyncio.gather(*later, return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == [
            "InsufficientStockError",
            "StockTransaction",
        ]


TENANT, ACCOUNT, ITEM, PLACE = (uuid4() for _ in range(4))
MOVES: Final = 100_000

_FILL: Final = """
WITH legs AS (
    SELECT n, CASE WHEN n % 2 = 1 THEN 3 ELSE -2 END AS change,
        timestamptz '2023-01-01Z' + n * interval '15 minutes' AS at
    FROM generate_series(1, $4::int) AS n
), running AS (SELECT *, sum(change) OVER (ORDER BY n) AS after FROM legs)
INSERT INTO stock_moves (tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity,
    entered_unit, from_account, from_seq, from_after, to_account, to_seq, to_after, effective_at,
    posted_at)
SELECT $1, gen_random_uuid(), 1, $3, abs(change), abs(change), 'kg',
    CASE WHEN change < 0 THEN $2::uuid ELSE gen_random_uuid() END,
    CASE WHEN change < 0 THEN n END, CASE WHEN change < 0 THEN after END,
    CASE WHEN change > 0 THEN $2::uuid ELSE gen_random_uuid() END,
    CASE WHEN change > 0 THEN n END, CASE WHEN change > 0 THEN after END, at, at
FROM running
"""
_LATEST: Final = datetime(2023, 1, 1, tzinfo=UTC) + MOVES * timedelta(minutes=15)


def all_months() -> Iterator[Any]:
    month = month_of(ACCOUNT, datetime(2023, 1, 1, tzinfo=UTC))
    while month.ends_at <= _LATEST:
        yield month
        month = month_of(ACCOUNT, month.ends_at)


def given(*months: Any) -> dict[str, Any]:
    account_ids, starts, ends = zip(*months, strict=True)
    return {"account_ids": list(account_ids), "starts": list(starts), "ends": list(ends)}


@pytest.fixture
async def busy(scratch: DatabaseUrls) -> AsyncIterator[Connection]:
    """The service's connection to a database with an account of 100 000 moves."""
    admin = await asyncpg.connect(scratch.admin)
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(_FILL, TENANT, ACCOUNT, ITEM, MOVES)
    await admin.execute(
        "INSERT INTO stock_accounts VALUES ($1, $2, $3, 'on_hand', $4)",
        TENANT,
        ACCOUNT,
        ITEM,
        PLACE,
    )
    await admin.execute(
        "INSERT INTO stock_balances (tenant_id, account_id, on_hand, reserved, seq, effective_at) "
        "VALUES ($1, $2, $3, 0, $4, $5)",
        *(TENANT, ACCOUNT, MOVES // 2, MOVES, _LATEST),
    )
    await admin.execute(
        "INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, "
        "tags, attributes, version, created_at, updated_at) SELECT $1, $2, 'A', 'a', 'A', 'kg', "
        "'active', '{}', '{}', 1, now(), now()",
        TENANT,
        ITEM,
    )
    await admin.close()
    database = Database(scratch.app, pool_size=1)
    async with database.transaction(TENANT) as tx:
        none: dict[str, Any] = {f"late_{name}": [] for name in LateLeg._fields}
        await tx.fetch_all(SUM_UP, **given(*all_months()), **none)
    await database.close()
    admin = await asyncpg.connect(scratch.admin)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    connection = await asyncpg.connect(scratch.app)
    await connection.execute("SET enable_seqscan = off")
    yield connection
    await connection.close()


async def plan_of(busy: Connection, act: Any) -> Plan:
    explaining = Explaining(busy, TENANT, "stock_moves")
    await act(explaining)
    return explaining.plan


class TestPlans:
    async def test_read_months_and_not_the_history_of_an_account(self, busy: Connection):
        since = datetime(2023, 5, 20, tzinfo=UTC)
        own, latest = (month_of(ACCOUNT, at) for at in (since, _LATEST))
        whole = tuple(all_months())
        check = await plan_of(
            busy, lambda tx: tx.fetch_all(LOWS, since=since, **given(own, latest))
        )
        control = await plan_of(
            busy, lambda tx: tx.fetch_all(LOWS, since=since, **given(*whole, latest))
        )
        whose = CardFilter(item_id=ITEM, location_id=PLACE)

        def level(tx: Transaction) -> Any:
            return PostgresStockReads(tx).levels(LevelFilter(item_id=ITEM, as_of=since))

        def card(tx: Transaction) -> Any:
            return PostgresStockReads(tx).card(
                whose, 50, sort=Sort("effective_at"), after=(since, 1)
            )

        plans = [check, await plan_of(busy, level), await plan_of(busy, card)]
        for plan in plans:
            assert "Seq Scan" not in plan.text
            assert plan.pages_read * 5 < control.pages_read, plan.text
