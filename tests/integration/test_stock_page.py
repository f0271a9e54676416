"""The pages on stock, reservations and the ledger: their calls are run as they stand there."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sokho.modules.stock.domain.verification import LedgerFault
from tests.integration.documents import Answers, blocks, fences, headings, lasting, run
from tests.integration.test_serving import Service

DOCS: Final = Path(__file__).parents[2] / "docs"
STOCK: Final = {language: (DOCS / language / "stock.md").read_text() for language in ("en", "vi")}
LEDGER: Final = {language: (DOCS / language / "ledger.md").read_text() for language in ("en", "vi")}
PROMISES: Final = {
    language: (DOCS / language / "reservations.md").read_text() for language in ("en", "vi")
}

PERIODS: Final = {
    language: (DOCS / language / "periods.md").read_text() for language in ("en", "vi")
}

each_language = pytest.mark.parametrize("language", ["en", "vi"])
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the calls are curl's")

# What the calls of each block answer.
CALLS: Final[list[tuple[str, list[int]]]] = [
    ("names for the calls", []),
    ("before the first document", [201, 201, 200, 201]),
    ("receipt", [201]),
    ("issue", [201]),
    ("too large an issue", [409]),
    ("transfer", [201]),
    ("adjustment", [201]),
    ("send again", [201]),
    ("reverse", [200, 201, 409]),
    ("levels", [200]),
    ("other levels", [200, 200]),
    ("card", [200]),
    ("documents", [200, 200]),
    ("proof", [200]),
]

PROMISES_CALLS: Final[list[tuple[str, list[int]]]] = [
    ("names for the calls", []),
    ("before the first reservation", [201, 201, 200, 201]),
    ("reserve", [201]),
    ("levels", [200]),
    ("loss", [409]),
    ("extend", [200, 200]),
    ("confirm", [200, 200]),
    ("release", [201, 200, 409]),
    ("list", [200, 200]),
    ("minimum", [201]),
    ("below", [200]),
    ("no minimum", [200, 204]),
]


PERIODS_CALLS: Final[list[tuple[str, list[int]]]] = [
    ("names for the calls", []),
    ("before the first date", [201, 201, 201, 201, 201]),
    ("late issue", [409]),
    ("lock", [200, 200]),
    ("into the locked period", [409]),
    ("reopen", [200, 200]),
    ("open a count", [201]),
    ("count", [200, 200]),
    ("sheet", [200]),
    ("post", [200]),
]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="sokho-stock-") as name:
        Path(name).chmod(0o711)
        with Service(Path(name)) as service:
            yield service


def shown_truly(text: str, answers: list[Answers]) -> int:
    """Hold each answer that a page shows to what its call answered; return how many there are."""
    following = iter(answers)
    answer = None
    shown = 0
    for kind, content in fences(text):
        if kind == "sh":
            answer = next(following)
        elif kind == "json":
            assert answer is not None
            assert lasting(json.loads(content)) == lasting(answer.body)
            shown += 1
    return shown


@needs_curl
class TestStockPage:
    @each_language
    def test_calls_answer_what_is_said_and_shown(self, service: Service, language: str):
        text = STOCK[language]
        answers = run(blocks(text, "sh"), service, service.keys[0])
        assert [answer.statuses for answer in answers] == [statuses for _, statuses in CALLS]
        assert shown_truly(text, answers) == 5
        by_name = dict(zip((name for name, _ in CALLS), answers, strict=True))
        assert by_name["send again"].body == by_name["adjustment"].body
        assert "idempotent-replayed: true" in by_name["send again"].output
        reversal, refused = map(json.loads, by_name["reverse"].output.splitlines())
        assert reversal["reverses_id"] == by_name["issue"].body["id"]
        assert refused["code"] == "already_reversed"
        below, before = map(json.loads, by_name["other levels"].output.splitlines())
        assert len(below) == 2
        assert {level["on_hand"] for level in before} == {"0"}
        found, transfers = map(json.loads, by_name["documents"].output.splitlines())
        assert found == [by_name["receipt"].body]
        assert transfers == [by_name["transfer"].body]

    @each_language
    def test_names_every_problem(self, service: Service, language: str):
        document = service.http.get("/openapi.json").json()
        documented = {(405, "method_not_allowed"), (431, "request_header_fields_too_large")}
        for path, operations in document["paths"].items():
            if path.startswith("/v1/stock"):
                for operation in operations.values():
                    for status, answer in operation["responses"].items():
                        problem = answer.get("content", {}).get("application/problem+json", {})
                        documented |= {(int(status), code) for code in problem.get("examples", ())}
        told = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", STOCK[language], flags=re.MULTILINE)
        assert len(told) == len(set(told))
        assert {(int(status), code) for status, code in told} == documented


@needs_curl
class TestPeriodsPage:
    @each_language
    def test_calls_answer_what_is_said_and_shown(self, service: Service, language: str):
        text = PERIODS[language]
        answers = run(blocks(text, "sh"), service, service.keys[0])
        assert [answer.statuses for answer in answers] == [each for _, each in PERIODS_CALLS]
        assert shown_truly(text, answers) == 2
        by_name = dict(zip((name for name, _ in PERIODS_CALLS), answers, strict=True))
        assert by_name["into the locked period"].body["code"] == "period_locked"
        assert by_name["reopen"].body["locked_before"] is None
        assert by_name["post"].body["state"] == "posted"


@needs_curl
class TestReservationsPage:
    @each_language
    def test_calls_answer_what_is_said_and_shown(self, service: Service, language: str):
        text = PROMISES[language]
        answers = run(blocks(text, "sh"), service, service.keys[0])
        assert [answer.statuses for answer in answers] == [each for _, each in PROMISES_CALLS]
        assert shown_truly(text, answers) == 4
        by_name = dict(zip((name for name, _ in PROMISES_CALLS), answers, strict=True))
        assert by_name["loss"].body["code"] == "stock_reserved"
        assert by_name["extend"].body["id"] == by_name["reserve"].body["id"]
        assert by_name["extend"].body["expires_at"] > by_name["reserve"].body["expires_at"]
        confirmed, found = map(json.loads, by_name["confirm"].output.splitlines())
        assert [confirmed["transaction_id"]] == [document["id"] for document in found]
        assert [line["base_quantity"] for line in found[0]["lines"]] == ["24", "5"]
        assert by_name["release"].body["code"] == "reservation_closed"
        assert by_name["list"].body == confirmed


class TestLedgerPage:
    @each_language
    def test_names_every_finding(self, language: str):
        rows = re.findall(
            r"^\| `(\w+)` \| (I\d) \| `(\w+)` \|", LEDGER[language], flags=re.MULTILINE
        )
        assert rows == [(fault.value, fault.invariant, fault.table) for fault in LedgerFault]

    @each_language
    def test_names_every_invariant(self, language: str):
        told = re.findall(r"^\| (I\d) \|", LEDGER[language], flags=re.MULTILINE)
        assert told == [f"I{number}" for number in range(1, 9)]
        assert {fault.invariant for fault in LedgerFault} == set(told)


@pytest.mark.parametrize(
    "page",
    [STOCK, PROMISES, PERIODS, LEDGER],
    ids=["stock", "reservations", "periods", "ledger"],
)
class TestBothLanguages:
    def test_show_the_same_in_the_same_places(self, page: dict[str, str]):
        calls, kinds, levels, rows = [], [], [], []
        for text in page.values():
            shown = "".join(blocks(text, "sh") + blocks(text, "console"))
            calls.append(re.sub("Accept-Language: (en|vi)", "", shown))
            kinds.append([kind for kind, _ in fences(text)])
            levels.append([heading.index(" ") for heading in headings(text)])
            rows.append(len(re.findall(r"^\|", text, flags=re.MULTILINE)))
        for both in (calls, kinds, levels, rows):
            assert both[0] == both[1]

    def test_links_lead_to_a_heading(self, page: dict[str, str]):
        for language, text in page.items():
            for path, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
                target = (DOCS / language / path).read_text() if path else text
                anchors = {head.lstrip("# ").lower().replace(" ", "-") for head in headings(target)}
                assert anchor in anchors, (path, anchor)
