"""Each thing that can be wrong with each type of document: a code of its own, nothing posted."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.catalogue import a_location_of, an_item_of, id_of
from tests.api.problems import problem_of
from tests.api.stocked import Store, reversed_, sent
from tests.conftest import Business

FROM, TO = "from_location_id", "to_location_id"


@dataclass(frozen=True)
class Kind:
    """A type of document: which sides its lines have, and what else it needs."""

    type: str
    sides: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)


every_kind = pytest.mark.parametrize(
    "kind",
    [
        Kind("receipt", (TO,)),
        Kind("issue", (FROM,)),
        Kind("transfer", (FROM, TO)),
        Kind("adjustment", (FROM,), {"reason": "damage"}),
        Kind("adjustment", (TO,), {"reason": "count"}),
    ],
    ids=["receipt", "issue", "transfer", "loss", "gain"],
)

_TABLES: Final = (
    *("stock_accounts", "stock_balances", "stock_transactions", "stock_moves"),
    *("stock_counters", "events"),
)


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("5")
    assert (await store.transfer("2")).status_code == 201
    return store


@pytest.fixture
async def wrong(store: Store, other: Business) -> "Wrong":
    """What no document may name."""
    neighbour = await Store.opened(other)
    await neighbour.receive("9")
    item = await an_item_of(store.business, "OLD", status="archived")
    place = await a_location_of(store.business, "OLD", status="archived")
    return Wrong(neighbour, id_of(item), id_of(place))


class Wrong:
    """Wrong values for the fields of a line, each with the code that it is answered with."""

    def __init__(self, neighbour: Store, item_id: str, location_id: str) -> None:
        self.items = [
            (str(uuid4()), "unknown_item"),
            (neighbour.item_id, "unknown_item"),
            (item_id, "item_archived"),
        ]
        self.places = [
            (str(uuid4()), "unknown_location"),
            (neighbour.here, "unknown_location"),
            (location_id, "location_archived"),
        ]
        self.quantities = [
            ("0", "quantity_out_of_range"),
            ("-1", "quantity_out_of_range"),
            ("1" + "0" * 30, "quantity_out_of_range"),
            ("0.5", "quantity_precision"),
            ("1.0000001", "quantity_precision"),
        ]

    def lines(self, good: dict[str, Any], sides: tuple[str, ...]) -> Iterator[tuple[Any, str, str]]:
        """Yield each wrong line with the name of the field at fault and its code."""
        fields = {"item_id": self.items, "quantity": self.quantities}
        fields |= dict.fromkeys(sides, self.places)
        for name, values in fields.items():
            for value, code in values:
                yield good | {name: value}, name, code
        if len(sides) == 2:
            yield good | {TO: good[FROM]}, TO, "same_account"


@asynccontextmanager
async def unchanged(urls: DatabaseUrls, store: Store) -> AsyncIterator[None]:
    """Compare every row of the ledger before and after."""
    rows = " UNION ALL ".join(
        f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t WHERE tenant_id = $1"
        for table in _TABLES
    )
    admin = await asyncpg.connect(urls.admin)
    try:
        before = await admin.fetch(rows, store.business.tenant_id)
        yield
        assert await admin.fetch(rows, store.business.tenant_id) == before
    finally:
        await admin.close()


def a_line(store: Store, sides: tuple[str, ...]) -> dict[str, Any]:
    places = {FROM: store.here, TO: store.there if len(sides) == 2 else store.here}
    return store.line("1") | {side: places[side] for side in sides}


@every_kind
class TestDocument:
    async def test_that_is_wrong_in_one_line_is_refused_whole(
        self,
        store: Store,
        wrong: Wrong,
        urls: DatabaseUrls,
        kind: Kind,
    ):
        good = a_line(store, kind.sides)
        async with unchanged(urls, store):
            for line, name, code in wrong.lines(good, kind.sides):
                answer = await sent(store.business, kind.type, good, line, **kind.fields)
                problem = problem_of(answer, 422, code)
                told = [(each["pointer"], each["code"]) for each in problem["errors"]]
                assert told == [(f"/lines/1/{name}", code)], line

    async def test_of_a_time_to_come_is_refused(
        self,
        store: Store,
        urls: DatabaseUrls,
        kind: Kind,
    ):
        date = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        line = a_line(store, kind.sides)
        async with unchanged(urls, store):
            answer = await sent(store.business, kind.type, line, effective_at=date, **kind.fields)
            [error] = problem_of(answer, 422, "effective_at_in_future")["errors"]
            assert error["pointer"] == "/effective_at"

    async def test_is_reversed_once_and_its_reversal_never(
        self,
        store: Store,
        urls: DatabaseUrls,
        kind: Kind,
    ):
        """And the document is a good one: what the others change of it is what is wrong."""
        made = await sent(store.business, kind.type, a_line(store, kind.sides), **kind.fields)
        assert made.status_code == 201
        reversal = await reversed_(store.business, made.json()["id"])
        assert reversal.status_code == 201
        async with unchanged(urls, store):
            for document, code in (
                (made, "already_reversed"),
                (reversal, "cannot_reverse_reversal"),
            ):
                answer = await reversed_(store.business, document.json()["id"])
                problem_of(answer, 409, code)
