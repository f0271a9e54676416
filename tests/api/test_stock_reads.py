"""Levels and stock cards, held against what a few hundred documents amount to in plain Python."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest
from fastapi import FastAPI

from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.verification import PostgresLedgerCheck
from tests.api.catalogue import a_location_of, an_item_of, id_of, shown
from tests.api.problems import faults_of, problem_of
from tests.api.stocked import Store, posted, reversed_, sent
from tests.conftest import Business

CARD: Final = "/v1/stock/moves"
DOCUMENTS: Final = 150

Account = tuple[str, str]
"""An item and a location."""


@dataclass(frozen=True)
class Leg:
    """What one line did to one place, as the document that was answered tells."""

    account: Account
    change: Decimal
    seq: int
    effective_at: datetime
    posted_at: datetime
    transaction_id: str


@dataclass
class Books:
    """A business, and what its documents did, kept by adding up alone."""

    business: Business
    items: list[str]
    places: list[str]
    legs: dict[Account, list[Leg]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, document: Any) -> None:
        """Take in what a posted document says of its lines."""
        times = (
            datetime.fromisoformat(document["effective_at"]),
            datetime.fromisoformat(document["posted_at"]),
        )
        for line in document["lines"]:
            for side, sign in (("from", -1), ("to", 1)):
                if (place := line[f"{side}_location_id"]) is not None:
                    account = (line["item_id"], place)
                    change = sign * Decimal(line["base_quantity"])
                    seq = line[f"{side}_seq"]
                    self.legs[account].append(Leg(account, change, seq, *times, document["id"]))

    def sums(self, until: datetime | None = None, by: str = "posted_at") -> dict[Account, Decimal]:
        """Return what is on each account, now or as of a time."""
        return {
            account: sum(
                (leg.change for leg in legs if until is None or getattr(leg, by) <= until),
                Decimal(0),
            )
            for account, legs in self.legs.items()
        }

    def times(self, by: str) -> list[datetime]:
        """Return when anything happened, in order."""
        return sorted({getattr(leg, by) for legs in self.legs.values() for leg in legs})


@pytest.fixture
async def books(business: Business) -> Books:
    """Post documents of all types, with dates in any order; what is refused is no part of it."""
    chance = random.Random(20_261_123)
    items = [id_of(await an_item_of(business, f"S{n}")) for n in range(3)]
    places = [id_of(await a_location_of(business, f"L{n}")) for n in range(3)]
    books = Books(business, items, places)
    documents: list[Any] = []
    for _ in range(DOCUMENTS):
        kind = chance.choice(["receipt", "receipt", "issue", "transfer", "adjustment", "reversal"])
        if kind == "reversal":
            id = chance.choice(documents)["id"] if documents else str(uuid4())
            answer = await reversed_(business, id)
        else:
            given: dict[str, Any] = {"reason": "count"} if kind == "adjustment" else {}
            if chance.random() < 0.5:
                day, hour = chance.randint(1, 28), chance.randint(0, 23)
                given["effective_at"] = f"2026-01-{day:02}T{hour:02}:30:00.5Z"
            answer = await sent(business, kind, *some_lines(books, kind, chance), **given)
        assert answer.status_code in {201, 404, 409}, answer.text
        if answer.status_code == 201:
            documents.append(answer.json())
            books.keep(documents[-1])
    assert len(documents) > DOCUMENTS / 3
    return books


def some_lines(books: Books, kind: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    for _ in range(chance.randint(1, 3)):
        source, target = chance.sample(books.places, 2)
        line = {"item_id": chance.choice(books.items), "quantity": str(chance.randint(1, 9))}
        is_loss = chance.random() < 0.5
        if kind in {"issue", "transfer"} or (kind == "adjustment" and is_loss):
            line["from_location_id"] = source
        if kind in {"receipt", "transfer"} or (kind == "adjustment" and not is_loss):
            line["to_location_id"] = target
        yield line


async def pages(business: Business, url: str) -> list[Any]:
    """Return all rows of a list, read page by page."""
    found: list[Any] = []
    following: str | None = url
    while following is not None:
        answer = await business.http.get(following)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        following = answer.links.get("next", {}).get("url")
    return found


class TestBooks:
    async def test_are_read_as_they_add_up(self, books: Books, app: FastAPI):
        """One test, for the documents take long to post."""
        await self.levels_are_the_sums(books)
        await self.levels_of_a_time_are_the_sums_until_then(books)
        await self.cards_run_from_line_to_line(books)
        await self.invariants_hold(books, app)

    async def levels_are_the_sums(self, books: Books) -> None:
        found = await pages(books.business, "/v1/stock/levels?limit=2")
        accounts = [(row["item_id"], row["location_id"]) for row in found]
        assert accounts == sorted(books.legs)
        sums = books.sums()
        for row, account in zip(found, accounts, strict=True):
            assert (Decimal(row["on_hand"]), row["seq"]) == (
                sums[account],
                len(books.legs[account]),
            )
            assert (row["reserved"], row["available"]) == ("0", row["on_hand"])
        backwards = await pages(books.business, "/v1/stock/levels?limit=2&sort=-item_id")
        assert backwards == found[::-1]

    async def levels_of_a_time_are_the_sums_until_then(self, books: Books) -> None:
        for basis in ("effective", "posted"):
            times = books.times(f"{basis}_at")
            for moment in (times[0], times[len(times) // 2], times[-1]):
                query = f"limit=4&as_of={quote(moment.isoformat())}&as_of_basis={basis}"
                found = await pages(books.business, f"/v1/stock/levels?{query}")
                sums = books.sums(moment, f"{basis}_at")
                told = {
                    (row["item_id"], row["location_id"]): Decimal(row["on_hand"]) for row in found
                }
                assert told == sums
                assert {(row["reserved"], row["available"]) for row in found} == {(None, None)}

    async def cards_run_from_line_to_line(self, books: Books) -> None:
        for (item, place), legs in books.legs.items():
            url = f"{CARD}?item_id={item}&location_id={place}"
            for by in ("posted_at", "effective_at"):
                key = {
                    "posted_at": lambda leg: leg.seq,
                    "effective_at": lambda leg: (leg.effective_at, leg.seq),
                }[by]
                ordered = sorted(legs, key=key)
                balances = list(accumulate(leg.change for leg in ordered))
                found = await pages(books.business, f"{url}&limit=7&sort={by}")
                assert [
                    (row["transaction_id"], row["seq"], Decimal(row["quantity"])) for row in found
                ] == [(leg.transaction_id, leg.seq, leg.change) for leg in ordered]
                assert [Decimal(row["balance"]) for row in found] == balances
                assert await pages(books.business, f"{url}&limit=7&sort=-{by}") == found[::-1]
                since, until = (getattr(ordered[n * len(ordered) // 3], by) for n in (1, 2))
                bounds = f"since={quote(since.isoformat())}&until={quote(until.isoformat())}"
                part = await pages(books.business, f"{url}&limit=2&sort={by}&{bounds}")
                assert part == [
                    row
                    for row, leg in zip(found, ordered, strict=True)
                    if since <= getattr(leg, by) < until
                ]
            assert sorted(leg.seq for leg in legs) == [*range(1, len(legs) + 1)]

    async def invariants_hold(self, books: Books, app: FastAPI) -> None:
        ours: Seal = app.state.ledger_seal
        assert await findings(app, books.business, ours) == Counter()
        documents = {leg.transaction_id for legs in books.legs.values() for leg in legs}
        theirs = Seal(ours.key_id, b"\0" * 32)  # the control: the digests are looked at
        found = await findings(app, books.business, theirs)
        assert found == {"I5": len(documents)}


async def findings(app: FastAPI, business: Business, seal: Seal) -> Counter[str]:
    async with app.state.database.transaction(business.tenant_id, read_only=True) as transaction:
        check = PostgresLedgerCheck(transaction, seal)
        return Counter([finding.fault.invariant async for finding in check.findings()])


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


class TestLevels:
    async def test_are_filtered(self, store: Store):
        other = id_of(await an_item_of(store.business, "Nước-1"))
        await store.receive("5")
        await store.transfer("2")
        line = store.line("9", target=store.there, item_id=other)
        await posted(store.business, "receipt", line)
        mine_here, mine_there = ((store.item_id, place) for place in (store.here, store.there))
        for query, expected in (
            (f"item_id={store.item_id}", {mine_here: "3", mine_there: "2"}),
            (f"sku={quote(' nƯớc-1 ')}", {(other, store.there): "9"}),
            (f"location_id={store.there}", {mine_there: "2", (other, store.there): "9"}),
            (f"location_id={store.there}&sku=a", {mine_there: "2"}),
            (f"location_id={uuid4()}", {}),
            ("sku=none", {}),
        ):
            assert await store.levels(query) == expected, query

    async def test_of_a_place_include_what_lies_below_if_asked(self, store: Store):
        """Two floors down; the place beside it and that above it are no part."""
        shelf = id_of(await a_location_of(store.business, "A1", f"/{store.here}"))
        box = id_of(await a_location_of(store.business, "A11", f"/{shelf}"))
        for quantity, place in (("1", store.here), ("2", shelf), ("4", box), ("8", store.there)):
            await posted(store.business, "receipt", store.line(quantity, target=place))
        for place, expected in (
            (store.here, {store.here: "1", shelf: "2", box: "4"}),
            (shelf, {shelf: "2", box: "4"}),
            (box, {box: "4"}),
        ):
            told = await store.levels(f"location_id={place}&include_children=true")
            assert told == {(store.item_id, id): on_hand for id, on_hand in expected.items()}
            alone = await store.levels(f"location_id={place}")
            assert alone == {(store.item_id, place): expected[place]}
        past = "&as_of=2999-01-01T00:00:00Z"
        told = await store.levels(f"location_id={shelf}&include_children=true{past}")
        assert told == {(store.item_id, shelf): "2", (store.item_id, box): "4"}

    async def test_of_what_lies_below_need_a_location(self, store: Store):
        for query in ("", f"&item_id={store.item_id}", "&sku=A"):
            answer = await store.http.get(f"/v1/stock/levels?include_children=true{query}")
            assert faults_of(answer) == [("/query/location_id", "required")]
        await store.receive("5")
        assert await store.levels("include_children=false") == await store.levels()

    async def test_of_another_business_are_not_seen(self, store: Store, other: Business):
        await store.receive("5")
        for query in ("", f"?item_id={store.item_id}", f"?location_id={store.here}"):
            assert await shown(other, f"/v1/stock/levels{query}") == []

    async def test_are_those_of_a_document_from_its_moment_on(self, store: Store):
        await store.receive("5", effective_at="2026-01-10T00:00:00Z")
        for moment, on_hand in (("09T23:59:59.999999", "0"), ("10T00:00:00", "5")):
            told = await store.levels(f"as_of=2026-01-{moment}Z")
            assert told == {(store.item_id, store.here): on_hand}
            told = await store.levels(f"as_of=2026-01-{moment}Z&as_of_basis=posted")
            assert told == {(store.item_id, store.here): "0"}


class TestCard:
    async def test_shows_where_from_and_where_to(self, store: Store):
        await store.receive("5")
        transfer = (await store.transfer("2")).json()
        query = f"item_id={store.item_id}&location_id="
        [came, went] = await shown(store.business, f"{CARD}?{query}{store.here}")
        [there] = await shown(store.business, f"{CARD}?{query}{store.there}")
        assert came["other_location_id"] is None
        assert went == {
            "transaction_id": transfer["id"],
            "type": "transfer",
            "line_no": 1,
            **{name: transfer[name] for name in ("document_no", "effective_at", "posted_at")},
            "other_location_id": store.there,
            "quantity": "-2",
            "seq": 2,
            "balance": "3",
        }
        assert (there["other_location_id"], there["quantity"]) == (store.here, "2")

    async def test_needs_an_item_and_a_location(self, store: Store):
        for query, missing in (
            (f"item_id={store.item_id}", "location_id"),
            (f"location_id={store.here}", "item_id"),
        ):
            answer = await store.http.get(f"{CARD}?{query}")
            assert faults_of(answer) == [(f"/query/{missing}", "required")]

    async def test_of_what_never_moved_or_is_theirs_is_empty(self, store: Store, other: Business):
        await store.receive("5")
        for http, item, place in (
            (store.http, store.item_id, store.there),
            (store.http, str(uuid4()), store.here),
            (other.http, store.item_id, store.here),
        ):
            answer = await http.get(f"{CARD}?item_id={item}&location_id={place}")
            assert (answer.status_code, answer.json()) == (200, [])

    async def test_takes_no_end_before_its_beginning(self, store: Store):
        query = f"item_id={store.item_id}&location_id={store.here}"
        bounds = "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"
        problem_of(await store.http.get(f"{CARD}?{query}&{bounds}"), 422, "validation_failed")

    async def test_cursor_belongs_to_its_card(self, store: Store):
        for _ in range(3):
            await store.receive("1")
        card = f"{CARD}?limit=1&item_id={store.item_id}&location_id="
        following = (await store.http.get(card + store.here)).links["next"]["url"]
        elsewhere = following.replace(store.here, store.there)
        assert elsewhere != following
        problem_of(await store.http.get(elsewhere), 400, "invalid_cursor")
