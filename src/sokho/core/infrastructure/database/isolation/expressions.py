"""Reads a policy's text, to tell whether it is true of the bound tenant's rows alone.

PostgreSQL prints policies in one form, with every operator in parentheses. What is not understood
is never taken for safe.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_TOKEN: Final = re.compile(
    r"""\s*(?:--[^\n]*|(?P<word>
        E?'(?:[^']|'')*'            # a string
      | "(?:[^"]|"")*"              # a quoted name
      | ::                          # a cast
      | [\w$]+                      # a name, a keyword, a number
      | [-+*/<>=~!@\#%^&|`?]+       # an operator
      | .))""",
    re.VERBOSE,
)

# A name, with its schema, a length, and brackets; or one of the two words that follow another.
_TYPE: Final = re.compile(
    r'(?:character varying|double precision|(?:(?:\w+|"[^"]*") \. )?(?:\w+|"[^"]*"))'
    r"(?: \( \d+(?: , \d+)* \))?(?: \[ \])?"
)

# Casts that keep two tenants apart: a length would cut one off.
_FAITHFUL: Final = frozenset({"text", "varchar", "character varying", "uuid", "bigint", "int8"})


# How "=" is printed that is not PostgreSQL's own; whose it is, `Policy.operators` tells.
_NAMED_EQUALS: Final = re.compile(r'OPERATOR\((?:\w+|"[^"]*")\.=\)')


class Fault(StrEnum):
    """Why an expression lets more pass than the bound tenant."""

    OPEN = "open"
    OTHER_SETTING = "other_setting"
    OTHER_COLUMN = "other_column"


@dataclass(slots=True)
class Reading:
    """What was understood of an expression."""

    fault: Fault | None
    wrappers: list[str] = field(default_factory=list)
    """Functions, as printed, that tell the tenant in place of `current_setting`."""

    casts_column: bool = False


def read_policy(text: str, column: str, setting: str) -> Reading:
    """Return whether `text` is true only of rows whose `column` is what `setting` holds."""
    reader = _Reader(column, setting)
    fault = reader.fault_of(_tokens(text))
    return Reading(fault, reader.wrappers, reader.casts_column)


def reads_setting(body: str, setting: str) -> bool:
    """Return whether a function's body is the value of `setting` and nothing else."""
    tokens = _tokens(body)
    while tokens and tokens[-1] == ";":
        tokens.pop()
    words = [word.upper() for word in tokens]
    if words[:1] == ["BEGIN"] and words[-1:] == ["END"]:
        start = 2 if words[1:2] == ["ATOMIC"] else 1
        tokens = [word for word in tokens[start:-1] if word != ";"]
        words = [word.upper() for word in tokens]
    if words[:1] == ["RETURN"]:
        tokens = tokens[1:]
    return _Reader("", setting).is_setting(tokens, may_wrap=False)


def columns_compared(text: str, setting: str) -> set[str]:
    """Return the names that an expression compares with `setting`."""
    tokens = _tokens(text)
    found = {_plain(word) for word in tokens if re.fullmatch(r'[a-zA-Z_]\w*|".*"', word)}
    return {name for name in found if _Reader(name, setting).fault_of(tokens) is None}


class _Reader:
    def __init__(self, column: str, setting: str | None) -> None:
        self._column = column
        self._setting = setting  # None stands for any
        self.wrappers: list[str] = []
        self.casts_column = False

    def fault_of(self, tokens: Sequence[str]) -> Fault | None:  # noqa: PLR0911 - one a form
        tokens = _bare(tokens)
        if len(alternatives := _split(tokens, "OR")) > 1:
            return next((fault for each in alternatives if (fault := self.fault_of(each))), None)
        if len(conditions := _split(tokens, "AND")) > 1:
            faults = [self.fault_of(each) for each in conditions]
            return None if None in faults else min(faults, key=_least_open)
        sides = _split(tokens, "=")
        if len(sides) != 2:  # noqa: PLR2004 - a comparison has two
            return Fault.OPEN
        for left, right in (sides, sides[::-1]):
            if self._is_column(left):
                if self.is_setting(right):
                    return None
                is_other = _Reader(self._column, None).is_setting(right, may_wrap=False)
                return Fault.OTHER_SETTING if is_other else Fault.OPEN
            if self.is_setting(left, may_wrap=False) and self._is_other_column(right):
                return Fault.OTHER_COLUMN
        return Fault.OPEN

    def _is_column(self, tokens: Sequence[str]) -> bool:
        tokens = _bare(tokens)
        inner, cast = _without_cast(tokens)
        if cast is not None:
            is_column = cast in _FAITHFUL and self._is_column(inner)
            self.casts_column |= is_column
            return is_column
        return _is_name(tokens) and _plain(tokens[-1]) == self._column

    def _is_other_column(self, tokens: Sequence[str]) -> bool:
        return _is_name(tokens) and _plain(tokens[-1]) != self._column

    def is_setting(  # noqa: PLR0911 - one a form
        self, tokens: Sequence[str], *, may_wrap: bool = True
    ) -> bool:
        """Whether this is `current_setting`, or what may stand around it."""
        tokens = _bare(tokens)
        if tokens and tokens[0].upper() == "SELECT":
            parts = _split(tokens[1:], "AS")
            named = len(parts) == 1 or (len(parts) == 2 and len(parts[1]) == 1)  # noqa: PLR2004
            return named and self.is_setting(parts[0], may_wrap=may_wrap)
        inner, cast = _without_cast(tokens)
        if cast is not None:
            return "(" not in cast and self.is_setting(inner, may_wrap=may_wrap)
        name, arguments = _call(tokens)
        if name is None:
            return False
        if name.upper() == "NULLIF":
            return (
                len(arguments) == 2  # noqa: PLR2004
                and self.is_setting(arguments[0], may_wrap=may_wrap)
                and _string(arguments[1]) is not None
            )
        if name.lower() in {"current_setting", "pg_catalog.current_setting"}:
            rest = [word.lower() for argument in arguments[1:] for word in argument]
            setting = _string(arguments[0]) if arguments else None
            return (
                setting is not None
                and (self._setting is None or setting.lower() == self._setting.lower())
                and rest in ([], ["true"], ["false"])
            )
        if may_wrap and not arguments:
            self.wrappers.append(name)
            return True
        return False


def _least_open(fault: Fault | None) -> bool:
    return fault is Fault.OPEN


def _tokens(text: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    text = _NAMED_EQUALS.sub("=", text)
    found = (each["word"] for each in _TOKEN.finditer(text))
    return [word for word in found if word and not word.isspace()]


def _bare(tokens: Sequence[str]) -> Sequence[str]:
    """Strip the parentheses around the whole."""
    while len(tokens) > 1 and tokens[0] == "(" and _closing(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[str], start: int = 0) -> int:
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at] in "([") - (tokens[at] in ")]")
        if depth == 0:
            return at
    return -1


def _split(tokens: Sequence[str], separator: str) -> list[Sequence[str]]:
    """Split at a word that stands in no parentheses."""
    parts: list[Sequence[str]] = []
    depth = start = 0
    for at, word in enumerate(tokens):
        depth += (word in "([") - (word in ")]")
        if depth == 0 and word.upper() == separator:
            parts.append(tokens[start:at])
            start = at + 1
    return [*parts, tokens[start:]]


def _without_cast(tokens: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return what stands before the outermost cast, and the type that it casts to."""
    depth = 0
    for at in range(len(tokens) - 1, -1, -1):
        depth += (tokens[at] in ")]") - (tokens[at] in "([")
        if depth == 0 and tokens[at] == "::":
            kind = " ".join(tokens[at + 1 :]).lower()
            return (tokens[:at], kind) if _TYPE.fullmatch(kind) else (tokens, None)
    return tokens, None


def _call(tokens: Sequence[str]) -> tuple[str | None, list[Sequence[str]]]:
    """Return the name and the arguments, where this is a call and nothing else."""
    if "(" not in tokens:
        return None, []
    at = list(tokens).index("(")
    if not _is_name(tokens[:at]) or _closing(tokens, at) != len(tokens) - 1:
        return None, []
    inside = tokens[at + 1 : -1]
    return "".join(tokens[:at]), _split(inside, ",") if inside else []


def _is_name(tokens: Sequence[str]) -> bool:
    return bool(
        re.fullmatch(r'(?:(?:[^\W\d]\w*|"[^.]*")\.)*(?:[^\W\d]\w*|"[^.]*")', "".join(tokens))
    )


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _string(tokens: Sequence[str]) -> str | None:
    """Return the text of a string, with or without a cast."""
    inner, _ = _without_cast(_bare(tokens))
    inner = _bare(inner)
    if len(inner) == 1 and inner[0].startswith("'"):
        return inner[0][1:-1].replace("''", "'")
    return None
