"""What the users' pages on locations say is run as it stands there, and is complete."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sokho.modules.locations.application.dto import LocationCreate, LocationListQuery
from sokho.modules.locations.domain.entities import LocationKind
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

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = {
    language: (ROOT / f"docs/{language}/locations.md").read_text() for language in ("en", "vi")
}

each_page = pytest.mark.parametrize("language", PAGES)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the calls are curl's")

# What the calls of each block answer.
CALLS: Final[list[tuple[str, list[int]]]] = [
    ("a name for the calls", []),
    ("a warehouse", [201]),
    ("shelves in it", [200, 201, 201]),
    ("a shelf in nothing", [422]),
    ("list", [200, 200]),
    ("move", [200, 200, 200, 200]),
    ("archive above others", [409]),
    ("from the lowest up", [204, 200, 200]),
]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="sokho-locations-") as name:
        Path(name).chmod(0o711)
        with Service(Path(name)) as service:
            yield service


@needs_curl
class TestLocationsPage:
    @each_page
    def test_calls_answer_what_is_said_and_shown(self, service: Service, language: str):
        text = PAGES[language]
        answers = run(blocks(text, "sh"), service, service.keys[0])
        assert [answer.statuses for answer in answers] == [statuses for _, statuses in CALLS]
        assert_shown_answers_are_true(text, answers)
        by_name = dict(zip((name for name, _ in CALLS), answers, strict=True))
        shelves = by_name["list"].output.split("\n")[0]
        assert shelves.count('"kind":"bin"') == 2
        moved = by_name["move"].body
        assert moved["parent_id"] in shelves
        assert moved["version"] == 2
        assert by_name["from the lowest up"].body["status"] == "archived"

    @each_page
    def test_names_every_problem(self, service: Service, language: str):
        assert problems_told(PAGES[language]) == problems_documented(service, "/v1/locations")


class TestTables:
    @pytest.mark.parametrize(
        ("language", "title"), [("en", "What a location is"), ("vi", "Vị trí là gì")]
    )
    def test_name_every_field_and_kind(self, language: str, title: str):
        told = names_in_table(PAGES[language], title)
        assert told == [*LocationCreate.model_fields, "kind", *LocationKind]

    @pytest.mark.parametrize(("language", "title"), [("en", "List"), ("vi", "Danh sách")])
    def test_name_every_filter(self, language: str, title: str):
        of_every_list = {"limit", "offset", "cursor"}
        told = names_in_table(PAGES[language], title)
        assert {*told} == LocationListQuery.model_fields.keys() - of_every_list

    @pytest.mark.parametrize(
        ("language", "title"), [("en", "Change and move"), ("vi", "Sửa và chuyển chỗ")]
    )
    def test_name_every_fault_of_a_place(self, language: str, title: str):
        source = (ROOT / "src/sokho/modules/locations/domain").glob("e*.py")
        of_code = set(
            re.findall(r'"/parent_id",\s*"(\w+)"', "".join(f.read_text() for f in source))
        )
        assert len(of_code) == 6
        assert {*names_in_table(PAGES[language], title)} == of_code


class TestBothLanguages:
    def test_show_the_same_calls_in_the_same_places(self):
        assert form(PAGES["en"]) == form(PAGES["vi"])

    @each_page
    def test_links_lead_to_a_heading(self, language: str):
        folder = ROOT / "docs" / language
        for path, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", PAGES[language]):
            target = (folder / path).read_text() if path else PAGES[language]
            anchors = {head.lstrip("# ").lower().replace(" ", "-") for head in headings(target)}
            assert anchor in anchors, (path, anchor)
