"""Hypothesis makes up what two businesses do; each answer must be what the model says."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple
from uuid import uuid4

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.reliability.made_up import (
    FAULTS,
    INDEX,
    LINES,
    THEIR_ITEM,
    THEIR_PLACE,
    Drawn,
    line,
    opened,
    spoilt,
)
from tests.reliability.orders import Account, Order, Refusal, Row
from tests.reliability.posts import KEY, REPLAYED
from tests.reliability.reference import Books
from tests.reliability.rules import judged
from tests.reliability.stocking import LEVELS, TRANSACTIONS

_CARD: Final = "/v1/stock/moves"
_FUTURE: Final = "future"
_ONE_OF_TWO: Final = st.integers(min_value=0, max_value=1)


class DivergenceError(AssertionError):
    """The service did what the model did not expect."""


class Sent(NamedTuple):
    """A request that was answered with success."""

    path: str
    body: Row
    key: str
    answer: httpx2.Response


@dataclass
class Business:
    """One business: its client, what the model knows of it, and what was sent."""

    http: httpx2.Client
    books: Books
    sent: list[Sent] = field(default_factory=list)


@dataclass
class Tally:
    """What was done in all examples together."""

    steps: int = 0
    posted: int = 0
    refused: int = 0
    compared: int = 0


class Businesses(RuleBasedStateMachine):
    """Two businesses with the same goods, as an adversary would have them act."""

    open: ClassVar[Callable[[], httpx2.Client]]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.both: list[Business] = []
        self.touched: tuple[int, Account] | None = None

    @initialize()
    def begin(self) -> None:
        """Open both, and put the same goods and places into each."""
        for _ in range(2):
            http = type(self).open()
            self.both.append(Business(http, opened(http)))

    @rule(
        who=_ONE_OF_TWO,
        type=st.sampled_from(["issue", "transfer", "adjustment", "receipt"]),
        lines=LINES,
        day=st.none() | st.integers(min_value=1, max_value=28),
        fault=st.sampled_from([None] * 50 + [*FAULTS, THEIR_ITEM, THEIR_PLACE, _FUTURE]),
        reference=st.none() | st.integers(min_value=0, max_value=50),
    )
    def post(
        self,
        *,
        who: int,
        type: str,
        lines: list[Drawn],
        day: int | None,
        fault: str | None,
        reference: int | None,
    ) -> None:
        """Ask for a document, right or with one fault."""
        more: Row = {} if reference is None else {"external_ref": f"ĐH-{reference}"}
        if day is not None:
            more["effective_at"] = f"2026-0{1 + day % 9}-{day:02}T23:30:00Z"
        if fault == _FUTURE:
            more["effective_at"] = "2999-01-01T00:00:00Z"
        if type == "adjustment":
            more["reason"] = "count"
        books, theirs = self.both[who].books, self.both[1 - who].books
        made = [line(books, type, drawn) for drawn in lines]
        made[-1] = spoilt(made[-1], fault, theirs)
        order = Order(type, tuple(made), more)
        self._judge(who, TRANSACTIONS, order.body(), order, lambda: judged(books, order))

    @rule(who=_ONE_OF_TWO, lines=LINES)
    def receive(self, who: int, lines: list[Drawn]) -> None:
        """Have something come in, so that there is something to go out."""
        self.post(who=who, type="receipt", lines=lines, day=None, fault=None, reference=None)

    @precondition(lambda self: any(each.books.documents for each in self.both))
    @rule(who=_ONE_OF_TWO, which=INDEX, theirs=st.sampled_from([False] * 5 + [True]))
    def reverse(self, who: int, which: int, theirs: bool) -> None:
        """Ask for the reversal of a document, of one's own or of the other's."""
        whose = 1 - who if theirs else who
        known = [*self.both[whose].books.documents]
        if not known:
            return
        id = known[which % len(known)]
        books = self.both[who].books
        self._judge(who, f"{TRANSACTIONS}/{id}/reverse", {}, id, lambda: books.reverse(id))
        if who == whose:
            self._same(self._get(who, f"{TRANSACTIONS}/{id}"), books.documents[id], "the document")

    @precondition(lambda self: any(each.sent for each in self.both))
    @rule(who=_ONE_OF_TWO, which=INDEX, changed=st.booleans())
    def repeat(self, who: int, which: int, changed: bool) -> None:
        """Send what was posted again with its key, or something else with that key."""
        one = self.both[who]
        if not one.sent:
            return
        path, body, key, first = one.sent[which % len(one.sent)]
        body = body | {"note": "khác"} if changed else body
        again = one.http.post(path, json=body, headers={KEY: key})
        if changed:
            self._refused(again, Refusal(422, "idempotency_key_mismatch"))
        else:
            told = (again.status_code, again.content, REPLAYED in again.headers)
            self._same(told, (201, first.content, True), "the answer told again")

    @precondition(lambda self: any(each.books.documents for each in self.both))
    @rule(who=_ONE_OF_TWO, which=INDEX, by=st.sampled_from(["posted_at", "effective_at"]))
    def look_back(self, who: int, which: int, by: str) -> None:
        """Ask what was there at the time of a document."""
        books = self.both[who].books
        if not books.documents:
            return
        self._look_back(who, [*books.documents.values()][which % len(books.documents)], by)

    @invariant()
    def levels_and_cards_are_the_models(self) -> None:
        """Compare all levels of both; both ways the card last written to, and levels as of then."""
        self.tally.steps += 1
        for who, one in enumerate(self.both):
            self._same(self._get(who, LEVELS, limit="500"), one.books.levels(), "levels")
        if self.touched is not None:
            who, account = self.touched
            place = {"item_id": account[0], "location_id": account[1], "limit": "500"}
            for by in ("posted_at", "effective_at"):
                told = self._get(who, _CARD, sort=by, **place)
                self._same(told, self.both[who].books.card(account, by), f"the card by {by}")
                self._look_back(who, self.both[who].books.legs[-1].document, by)

    def _look_back(self, who: int, document: Row, by: str) -> None:
        query = {"as_of": document[by], "as_of_basis": by.removesuffix("_at"), "limit": "500"}
        expected = self.both[who].books.levels(datetime.fromisoformat(document[by]), by)
        self._same(self._get(who, LEVELS, **query), expected, f"levels as of {document[by]}")

    def teardown(self) -> None:
        for one in self.both:
            one.http.close()

    def _judge(
        self, who: int, path: str, body: Row, asked: Order | str, expect: Callable[[], list[Row]]
    ) -> None:
        """Send a request; take in what is posted, if it is what `expect` says."""
        one, key = self.both[who], str(uuid4())
        answer = one.http.post(path, json=body, headers={KEY: key})
        try:
            lines = expect()
        except Refusal as refusal:
            self._refused(answer, refusal)
            self.tally.refused += 1
            return
        if answer.status_code != 201:
            raise DivergenceError(f"refused: {path} {json.dumps(body)}: {answer.text}")
        posted = answer.json()
        self._same(posted["lines"], lines, "the lines")
        type = one.books.documents[asked]["type"] if isinstance(asked, str) else asked.type
        number = one.books.number(type, posted["effective_at"])
        reverses = asked if isinstance(asked, str) else None
        head = [posted[name] for name in ("type", "document_no", "reverses_id", "external_ref")]
        self._same(head, [type, number, reverses, body.get("external_ref")], "the head")
        if "effective_at" in body:
            told, wanted = (datetime.fromisoformat(each["effective_at"]) for each in (posted, body))
            self._same(told, wanted, "the date")
        one.books.keep(posted, asked)
        one.sent.append(Sent(path, body, key, answer))
        self.touched = (who, one.books.legs[-1].account)
        self.tally.posted += 1

    def _refused(self, answer: httpx2.Response, expected: Refusal) -> None:
        problem = answer.json()
        told = (answer.status_code, problem.get("code"), (*_faults(problem, expected),))
        self._same(told, (expected.status, expected.code, expected.faults), "the refusal")

    def _get(self, who: int, path: str, **query: str) -> Any:
        answer = self.both[who].http.get(path, params=query)
        self._same(answer.status_code, 200, f"the status of {path}")
        return answer.json()

    def _same(self, told: object, expected: object, what: str) -> None:
        self.tally.compared += 1
        if told != expected:
            raise DivergenceError(f"{what}: told {told}, expected {expected}")


def _faults(problem: Row, expected: Refusal) -> Iterator[object]:
    """Yield what a problem tells of its faults, as the model does."""
    for each in problem.get("errors", ()) if expected.faults else ():
        if expected.code == "insufficient_stock":
            names = ("pointer", "item_id", "location_id", "requested", "available")
            yield tuple(each[name] for name in names)
        else:
            yield each["pointer"], each["code"]
