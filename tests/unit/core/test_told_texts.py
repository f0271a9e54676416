"""What the document tells of texts is what the entities judge: no more, and no less."""

import re
import unicodedata
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from sokho.core.application.schemas import one_line, trimmed_line
from sokho.core.domain.errors import InvalidError
from sokho.core.domain.lines import line_faults, trimmed
from sokho.modules.units.domain.entities import CODE_LENGTH, Unit

LONGEST: Final = 5

CHARACTERS: Final = [
    *map(chr, range(0x100)),
    *"ầđ中😀\u0301\u1680\u180e\u2000\u200a\u200b\u2028\u2029\u202e\u202f\u205f\u2060\u3000\ufeff",
]
TEXTS: Final = [
    "",
    *CHARACTERS,
    *(f"{character}a" for character in CHARACTERS),
    *(f"a{character}" for character in CHARACTERS),
    *(f"a{character}b" for character in CHARACTERS),
    *(" ", "  ", " \t", "\n \r", "a" * 5, "a" * 6, " aaaaa ", " aaaaaa ", "a  a", "\x1fa\x1c"),
    *(".", "..", "...", " . ", "\t..\n", ".a", "a/b", "/", "./"),
]


def is_told(told: Any, text: str) -> bool:
    schema = TypeAdapter(told).json_schema()
    if not schema.get("minLength", 0) <= len(text) <= schema["maxLength"]:
        return False
    pattern = schema["pattern"].replace("$", r"\Z")  # Python's $ stands before a last newline, too
    return re.search(pattern, text) is not None


def is_taken(code: str) -> bool:
    try:
        Unit.create(tenant_id=UUID(int=1), code=code, name="x")
    except InvalidError:
        return False
    return True


class TestToldTexts:
    @pytest.mark.parametrize("most", [2, LONGEST])
    def test_of_one_line_are_those_without_faults(self, most: int):
        told = _text(one_line(most))
        for text in TEXTS:
            judged = not list(line_faults("", text, most))
            assert is_told(told, text) is judged, repr(text)

    @pytest.mark.parametrize("most", [2, LONGEST])
    def test_that_are_trimmed_are_judged_without_the_blanks_around_them(self, most: int):
        """In NFC: what composing makes shorter, the document calls too long."""
        told = _text(trimmed_line(most))
        for text in filter(partial(unicodedata.is_normalized, "NFC"), TEXTS):
            judged = not list(line_faults("", trimmed(text), most))
            assert is_told(told, text) is judged, repr(text)

    def test_that_stand_in_a_path_are_the_codes_of_units(self):
        told = _text(trimmed_line(CODE_LENGTH, in_path=True))
        for text in TEXTS:
            assert is_told(told, text) is is_taken(text), repr(text)


def _text(told: Any) -> Any:

    return Annotated[str, told]
