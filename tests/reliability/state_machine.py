"""Hypothesis makes up what two businesses do; each answer must be what the model says."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.reliability.judging import Business, Judged
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
from tests.reliability.orders import Line, Move, Order, Refusal, Row, plain
from tests.reliability.posts import KEY, REPLAYED
from tests.reliability.reference import Books
from tests.reliability.rules import judged
from tests.reliability.stocking import COUNTS, LEVELS, PERIOD_LOCK, RESERVATIONS, TRANSACTIONS

_CARD: Final = "/v1/stock/moves"
_FUTURE: Final = "future"
_ONE_OF_TWO: Final = st.integers(min_value=0, max_value=1)


class Businesses(Judged):
    """Two businesses with the same goods, as an adversary would have them act."""

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

    @rule(who=_ONE_OF_TWO, lines=LINES)
    def reserve(self, who: int, lines: list[Drawn]) -> None:
        """Ask for goods to be kept."""
        one = self.both[who]
        order = Order("issue", tuple(_there(one.books, drawn) for drawn in lines))
        wanted = [_kept(each) for each in order.body()["lines"]]
        body = {"expires_in_seconds": 3600, "lines": wanted}
        answer = one.http.post(RESERVATIONS, json=body, headers={KEY: str(uuid4())})
        try:
            expected = judged(one.books, order, one.books.reserve)
        except Refusal as refusal:
            self._refused(answer, refusal, {"from_location_id": "location_id"})
            self.tally.refused += 1
            return
        self._same(answer.status_code, 201, "the status of a reservation")
        self._same(answer.json()["lines"], expected, "the lines of a reservation")
        one.books.promise(answer.json()["id"], order)
        self.tally.reserved += 1

    @precondition(lambda self: any(each.books.promises for each in self.both))
    @rule(
        who=_ONE_OF_TWO,
        which=INDEX,
        part=st.none() | st.integers(min_value=1, max_value=3),
        theirs=st.sampled_from([False] * 5 + [True]),
    )
    def confirm(self, who: int, which: int, part: int | None, theirs: bool) -> None:
        """Turn a reservation into an issue, of all or of some whole units of its first line."""
        one = self.both[who]
        id = self._promise(1 - who if theirs else who, which)
        if id is None:
            return
        body: Row = {} if part is None else {"lines": [{"line_no": 1, "quantity": str(part)}]}
        path = f"{RESERVATIONS}/{id}/confirm"
        answer = one.http.post(path, json=body, headers={KEY: str(uuid4())})
        try:
            moves = one.books.open_promise(id)
        except Refusal as refusal:
            self._refused(answer, refusal)
            return
        taken = moves if part is None else _part_of(one.books, moves[0], str(part))
        if not taken:
            self._same(answer.status_code, 422, "more than is reserved, or inexact")
            return
        self._same(answer.status_code, 200, f"the status of a confirmation: {answer.text}")
        one.books.end_promise(id)
        order = Order("issue", tuple(move.line for move in taken))
        lines = one.books.post(order)
        posted = self._get(who, f"{TRANSACTIONS}/{answer.json()['transaction_id']}")
        self._same(posted["lines"], lines, "the lines of a confirmed reservation")
        number = one.books.number("issue", posted["effective_at"])
        self._same(posted["document_no"], number, "the number of a confirmed reservation")
        one.books.keep(posted, order)
        self.touched = (who, one.books.legs[-1].account)
        self.tally.posted += 1

    @precondition(lambda self: any(each.books.promises for each in self.both))
    @rule(who=_ONE_OF_TWO, which=INDEX, ended=st.booleans())
    def release(self, who: int, which: int, ended: bool) -> None:
        """Let a reservation go, or one that is over already."""
        one = self.both[who]
        known = sorted(one.books.ended) if ended else []
        id = known[which % len(known)] if known else self._promise(who, which)
        if id is None:
            return
        path = f"{RESERVATIONS}/{id}/release"
        answer = one.http.post(path, json={}, headers={KEY: str(uuid4())})
        try:
            one.books.open_promise(id)
        except Refusal as refusal:
            self._refused(answer, refusal)
            return
        self._same(answer.status_code, 200, "the status of a release")
        one.books.end_promise(id)

    @rule(
        who=_ONE_OF_TWO,
        month=st.none() | st.integers(min_value=1, max_value=5),
        outdated=st.sampled_from([False] * 4 + [True]),
    )
    def lock(self, who: int, month: int | None, outdated: bool) -> None:
        """Lock the books up to a month, or reopen them; or know nothing of the last lock."""
        one = self.both[who]
        before = None if month is None else f"2026-0{month}-01T00:00:00Z"
        body = {"locked_before": before, "version": one.books.lock_version + outdated}
        answer = one.http.put(PERIOD_LOCK, json=body)
        if outdated:
            self._refused(answer, Refusal(412, "precondition_failed"))
            return
        self._same(answer.status_code, 200, "the status of a lock")
        one.books.lock_version += before != one.books.locked_before
        one.books.locked_before = before
        self._same(answer.json()["version"], one.books.lock_version, "the version of the lock")

    @precondition(lambda self: any(each.books.legs for each in self.both))
    @rule(
        who=_ONE_OF_TWO,
        which=INDEX,
        found=st.lists(st.integers(min_value=-3, max_value=2), min_size=1, max_size=3),
    )
    def take_stock(self, who: int, which: int, found: list[int]) -> None:
        """Count some items of a place, so many more or less than the books say."""
        one, books = self.both[who], self.both[who].books
        place = books.places[which % len(books.places)]
        opened = one.http.post(COUNTS, json={"location_id": place}, headers={KEY: str(uuid4())})
        self._same(opened.status_code, 201, "the status of a stocktake")
        count = f"{COUNTS}/{opened.json()['id']}"
        told = self._get(who, f"{count}/lines", limit="500")
        sheet = {each["item_id"]: each["expected"] for each in told if each["expected"] != "0"}
        there = {row["item_id"]: row["on_hand"] for row in books.levels() if _is_at(row, place)}
        self._same(sheet, there, "the sheet of a stocktake")
        pairs = zip(sorted(sheet), found, strict=False)
        counted = {item: (more, Decimal(sheet[item]) + more) for item, more in pairs}
        counted = {item: each for item, each in counted.items() if each[1] >= 0}
        if counted:
            entries = [
                {"item_id": item, "quantity": plain(quantity)}
                for item, (_, quantity) in counted.items()
            ]
            entered = self._post(who, f"{count}/lines", {"lines": entries})
            self._same(entered.is_success, True, f"what was counted: {entered.text}")
        order = Order(
            "adjustment",
            tuple(_difference(item, place, more) for item, (more, _) in counted.items() if more),
            {"reason": "count"},
        )
        posted = self._post(who, f"{count}/post", {})
        try:
            lines = books.post(order)
        except Refusal as refusal:
            self._refused(posted, refusal)
            self._same(self._post(who, f"{count}/cancel", {}).is_success, True, "an end")
            return
        self._same(posted.is_success, True, f"a stocktake is posted: {posted.text}")
        self.tally.counted += 1
        id = posted.json()["transaction_id"]
        self._same(id is None, not lines, "whether anything is posted")
        if id is not None:
            document = self._get(who, f"{TRANSACTIONS}/{id}")
            self._same(document["lines"], lines, "the lines of a stocktake")
            number = books.number("adjustment", document["effective_at"])
            self._same(document["document_no"], number, "the number of a stocktake")
            books.keep(document, order)
            self.touched = (who, books.legs[-1].account)

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

    def _promise(self, whose: int, which: int) -> str | None:
        known = [*self.both[whose].books.promises]
        return known[which % len(known)] if known else None

    def _look_back(self, who: int, document: Row, by: str) -> None:
        query = {"as_of": document[by], "as_of_basis": by.removesuffix("_at"), "limit": "500"}
        expected = self.both[who].books.levels(datetime.fromisoformat(document[by]), by)
        self._same(self._get(who, LEVELS, **query), expected, f"levels as of {document[by]}")


def _is_at(level: Row, place: str) -> bool:
    return bool(level["location_id"] == place and level["on_hand"] != "0")


def _difference(item: str, place: str, more: int) -> Line:
    ends = (None, place) if more > 0 else (place, None)
    return Line(item, str(abs(more)), None, *ends)


def _there(books: Books, drawn: Drawn) -> Line:
    """Return a line of an issue that was drawn, mostly of goods that there are."""
    made = line(books, "issue", drawn)
    accounts = sorted({leg.account for leg in books.legs})
    if not accounts or drawn.target % 4 == 0:
        return made
    account = accounts[drawn.source % len(accounts)]
    quantity = str(1 + drawn.quantity % 3)
    return Line(account.item, quantity, None, account.place, None)


def _kept(line: Row) -> Row:
    """Return the line of an issue as that of a reservation."""
    return {{"from_location_id": "location_id"}.get(name, name): line[name] for name in line}


def _part_of(books: Books, move: Move, quantity: str) -> list[Move]:
    """Return a part of a move, as one; nothing where it is no part, or cannot be told exactly."""
    item = books.items[move.line.item]
    part = Fraction(move.quantity) * Fraction(quantity) / Fraction(move.line.quantity)
    inexact = (part * int(10 ** item.units[item.unit][1])).denominator != 1
    if part > Fraction(move.quantity) or inexact:
        return []
    exact = Decimal(part.numerator) / part.denominator
    return [Move(replace(move.line, quantity=quantity), exact)]
