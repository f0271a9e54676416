"""What the README and the users' pages say is run as it stands there, and is complete."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer

from sokho.cli import app
from sokho.core.infrastructure.settings import Settings
from sokho.modules.items.application.dto import ItemCreate
from tests.integration.documents import (
    assert_shown_answers_are_true,
    blocks,
    form,
    headings,
    names_in_table,
    problems_documented,
    problems_told,
    run,
)
from tests.integration.test_serving import Service

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text()
VIETNAMESE = (ROOT / "README.vi.md").read_text()
ITEMS_EN = (ROOT / "docs/en/items.md").read_text()
ITEMS_VI = (ROOT / "docs/vi/items.md").read_text()

each_items_page = pytest.mark.parametrize("text", [ITEMS_EN, ITEMS_VI], ids=["en", "vi"])
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the calls are curl's")


_BELOW_A_GROUP: Final = (
    "create|list|show|update|suspend|resume|forget|rotate|revoke|start|isolation|ledger"
)


def commands(text: str) -> set[str]:
    """The commands of the README's table, without their arguments."""
    rows = re.findall(r"^\| (`sokho .*?) \|", text, flags=re.MULTILINE)
    names = set()
    for row in rows:
        first, *others = re.findall(r"`([a-z -]+)", row)
        words = re.match(rf"sokho [a-z-]+(?: (?:{_BELOW_A_GROUP}))?", first)
        assert words, row
        names.add(words[0].strip())
        names |= {f"{words[0].rpartition(' ')[0]} {other.split()[0]}" for other in others}
    return names


def leaves(command: object, name: str) -> Iterator[str]:
    """Yield each command below a group, by its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name
    else:
        for word, child in below.items():
            yield from leaves(child, f"{name} {word}")


def levels(text: str) -> list[int]:
    return [heading.index(" ") for heading in headings(text)]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The service, started by the README's own command."""
    with tempfile.TemporaryDirectory(prefix="sokho-readme-") as name:
        Path(name).chmod(0o711)
        make = ("make", "--no-print-directory", "-C", str(ROOT), "run")
        with Service(Path(name), command=make) as service:
            yield service


@needs_curl
class TestFirstCalls:
    @pytest.mark.parametrize(("text", "key"), [(ENGLISH, 0), (VIETNAMESE, 1)], ids=["en", "vi"])
    def test_do_what_is_said(self, service: Service, text: str, key: int):
        listed, created, read, refused = run(blocks(text, "sh"), service, service.keys[key])
        assert listed.statuses == [200]
        assert 'rel="next"' in listed.output
        assert created.statuses == [201]
        assert "KEO-500" in created.output
        assert read.statuses == [200, 200]
        assert "KEO-500" in read.output
        assert refused.statuses == [409]
        assert "duplicate_sku" in refused.output

    def test_two_commands_are_enough(self):
        for text in (ENGLISH, VIETNAMESE):
            assert "$ make run\n$ make test\n" in blocks(text, "console")[0]


# What the calls of each block in docs/*/items.md answer; a unit can be added once.
ITEM_CALLS: Final[list[tuple[str, list[set[int]]]]] = [
    ("a name for the calls", []),
    ("create", [{201}]),
    ("send again", [{201}, {201}]),
    ("find by SKU", [{200}, {200}]),
    ("filter", [{200}]),
    ("next page", [{200}, {200}]),
    ("what has changed", [{200}, {200}]),
    ("read conditionally", [{200}, {304}]),
    ("change", [{200}]),
    ("change what has changed", [{412}]),
    ("batch", [{200}]),
    ("batch with faults", [{422}]),
    ("units", [{201, 409}, {200}, {200}]),
    ("convert", [{201}, {200}]),
    ("change the unit", [{409}, {204}]),
    ("archive", [{200}, {200}]),
    ("delete", [{200}, {204}, {404}]),
]


@needs_curl
class TestItemsPage:
    # Always on one business: the calls can be repeated.
    @each_items_page
    def test_calls_answer_what_is_said(self, service: Service, text: str):
        answers = run(blocks(text, "sh"), service, service.keys[0])
        assert len(answers) == len(ITEM_CALLS)
        for (name, expected), answer in zip(ITEM_CALLS, answers, strict=True):
            assert len(answer.statuses) == len(expected), (name, answer)
            for status, allowed in zip(answer.statuses, expected, strict=True):
                assert status in allowed, (name, answer)
        by_name = dict(zip((name for name, _ in ITEM_CALLS), answers, strict=True))
        sku = by_name["find by SKU"].body["sku"]
        for name in ("filter", "what has changed"):
            assert sku in {item["sku"] for item in by_name[name].body}
        assert len(by_name["next page"].body) == 2
        assert by_name["send again"].output.count("idempotent-replayed: true") == 1
        changed = by_name["change"]
        assert 'etag: "2"' in changed.output
        assert changed.body["attributes"] == {"dung tích ml": 330, "độ cồn": 5}
        assert "unit_in_use" in by_name["change the unit"].output
        assert by_name["archive"].body["status"] == "archived"

    @each_items_page
    def test_shown_answers_are_true(self, service: Service, text: str):
        assert_shown_answers_are_true(text, run(blocks(text, "sh"), service, service.keys[0]))

    @each_items_page
    def test_names_every_problem_of_items_and_units(self, service: Service, text: str):
        assert problems_told(text) == problems_documented(service, "/v1/items", "/v1/units")

    @pytest.mark.parametrize(
        ("text", "title"),
        [(ITEMS_EN, "What an item is"), (ITEMS_VI, "Mặt hàng là gì")],
        ids=["en", "vi"],
    )
    def test_names_every_field(self, text: str, title: str):
        assert names_in_table(text, title) == list(ItemCreate.model_fields)

    def test_both_languages_show_the_same_calls_in_the_same_places(self):
        assert form(ITEMS_EN) == form(ITEMS_VI)

    @each_items_page
    def test_links_within_lead_to_a_heading(self, text: str):
        anchors = {heading.lstrip("# ").lower().replace(" ", "-") for heading in headings(text)}
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


class TestReadme:
    def test_both_languages_show_the_same_commands(self):
        for kind in ("sh", "console"):
            assert len(blocks(ENGLISH, kind)) == len(blocks(VIETNAMESE, kind)) > 0
        assert commands(ENGLISH) == commands(VIETNAMESE)
        assert levels(ENGLISH) == levels(VIETNAMESE)

    @pytest.mark.parametrize("text", [ENGLISH, VIETNAMESE], ids=["en", "vi"])
    def test_every_setting_stands_in_the_table(self, text: str):
        told = set(re.findall(r"^\| `SOKHO_([A-Z_]+)`", text, flags=re.MULTILINE))
        assert told == {name.upper() for name in Settings.model_fields}

    def test_the_table_has_every_command_and_no_other(self):
        assert commands(ENGLISH) == set(leaves(typer.main.get_command(app), "sokho"))

    @pytest.mark.parametrize("path", ["README.md", "README.vi.md", "CONTRIBUTING.md", "docs"])
    def test_links_lead_somewhere(self, path: str):
        root = ROOT / path
        for file in [root] if root.is_file() else root.rglob("*.md"):
            for link in re.findall(r"\]\((?!http)([^)#]+)", file.read_text()):
                assert (file.parent / link).exists(), (file, link)

    def test_every_decision_is_listed_and_says_what_keeps_it(self):
        folder = ROOT / "docs/decisions"
        index = (folder / "README.md").read_text()
        pages = sorted(folder.glob("[0-9]*.md"))
        assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
        for page in pages:
            assert page.name in index, page
            assert "## Kept by" in page.read_text(), page
            for named in re.findall(r"`((?:tests|src)/[^`:]+)", page.read_text()):
                assert (ROOT / named).exists(), (page.name, named)
