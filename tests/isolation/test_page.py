"""The page on isolation: every code with its level and its reason, and every option."""

import re
from pathlib import Path
from typing import Final

import pytest
import typer

from sokho.cli.isolation import isolation
from sokho.core.domain.texts import Language
from sokho.core.infrastructure.database.isolation import CODES
from tests.integration.documents import blocks, fences, headings

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final[dict[Language, str]] = {
    "en": (DOCS / "en/isolation.md").read_text(),
    "vi": (DOCS / "vi/isolation.md").read_text(),
}
LEVELS: Final[dict[Language, dict[str, str]]] = {
    "en": {"finding": "finding", "advice": "advice", "not_exercised": "not exercised"},
    "vi": {"finding": "vấn đề", "advice": "lời khuyên", "not_exercised": "chưa thử được"},
}

each_language = pytest.mark.parametrize("language", ["en", "vi"])


class TestPage:
    @each_language
    def test_tells_every_code_with_its_reason(self, language: Language):
        codes = PAGE[language].split("\n## ")[-2]
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (.+?) \| (.+) \|$", codes, re.MULTILINE)
        rows = [row for row in rows if row[0] != "code"]
        assert [row[:3] for row in rows] == [
            (name, LEVELS[language][code.level], code.reason.in_language(language))
            for name, code in CODES.items()
        ]
        assert all(mend.strip() for *_, mend in rows)

    @each_language
    def test_tells_every_option(self, language: Language):
        app = typer.Typer()
        app.command()(isolation)
        options = {
            option
            for parameter in typer.main.get_command(app).params
            for option in parameter.opts
            if option not in {"--help", "--install-completion", "--show-completion"}
        }
        told = set(re.findall(r"^\| `(--[\w-]+)` \|", PAGE[language], re.MULTILINE))
        assert told == options

    def test_shows_the_same_in_both_languages(self):
        both = list(PAGE.values())
        assert blocks(both[0], "console") == blocks(both[1], "console")
        for shape in (
            lambda text: [kind for kind, _ in fences(text)],
            lambda text: [heading.index(" ") for heading in headings(text)],
            lambda text: len(re.findall(r"^\|", text, re.MULTILINE)),
            lambda text: re.findall(r"\]\((\.\./decisions/[^)]+)\)", text),
        ):
            assert shape(both[0]) == shape(both[1])

    @each_language
    def test_links_lead_somewhere(self, language: Language):
        for path in re.findall(r"\]\(([^)#]+)\)", PAGE[language]):
            assert (DOCS / language / path).is_file(), path
