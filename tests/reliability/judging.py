"""What is asked of two businesses is judged by what the model knows of each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import uuid4

import httpx2
from hypothesis.stateful import RuleBasedStateMachine

from tests.reliability.orders import Account, Order, Refusal, Row
from tests.reliability.posts import KEY
from tests.reliability.reference import Books


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
    reserved: int = 0
    counted: int = 0
    refused: int = 0
    compared: int = 0


class Judged(RuleBasedStateMachine):
    """Two businesses: requests of either, whose answers must be what the model says."""

    open: ClassVar[Callable[[], httpx2.Client]]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.both: list[Business] = []
        self.touched: tuple[int, Account] | None = None

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

    def _refused(
        self, answer: httpx2.Response, expected: Refusal, called: Row | None = None
    ) -> None:
        """Compare a refusal; `called` are fields that this request calls otherwise."""
        problem = answer.json()
        told = (answer.status_code, problem.get("code"), (*_faults(problem, expected),))
        faults = json.dumps(expected.faults, ensure_ascii=False)
        for name, other in (called or {}).items():
            faults = faults.replace(f"/{name}", f"/{other}")
        wanted = (expected.status, expected.code, (*map(tuple, json.loads(faults)),))
        self._same(told, wanted, "the refusal")

    def _post(self, who: int, path: str, body: Row) -> httpx2.Response:
        return self.both[who].http.post(path, json=body, headers={KEY: str(uuid4())})

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
        if expected.code in {"insufficient_stock", "stock_reserved"}:
            names = ("pointer", "item_id", "location_id", "requested", "available")
            yield tuple(each[name] for name in names)
        else:
            yield each["pointer"], each["code"]
