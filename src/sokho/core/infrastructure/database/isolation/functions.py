"""Functions of users' own, and whether those that policies call tell the bound tenant."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from sokho.core.infrastructure.database.pool import Connection

# What could make a function tell another tenant than the one that was bound when it was tried.
_DEPENDS_ON_MORE: Final = re.compile(
    r"\b(from|execute|current_user|session_user|user|now|random|inet_\w+|set_config)\b",
    re.IGNORECASE,
)
_SAYS_NOTHING: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_SETTING: Final = re.compile(r"current_setting\s*\(\s*'([^']*)'", re.IGNORECASE)
_ANY_SETTING: Final = re.compile(r"current_setting\s*\(", re.IGNORECASE)

_SAMPLES: Final = (
    ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"),
    ("1000001", "1000002"),
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of users' own."""

    oid: int
    name: str
    schema: str
    owner: int
    is_definer: bool
    is_leakproof: bool
    volatility: str
    language: str
    arguments: int
    body: str
    settings: Sequence[str]
    is_trigger: bool
    is_executable: bool
    on_tables: Sequence[int]
    is_extension: bool
    is_aggregate: bool

    @property
    def bare_name(self) -> str:
        """The name alone."""
        return self.name.partition("(")[0].rpartition(".")[2]

    @property
    def pins_search_path(self) -> bool:
        """Whether its names mean the same whoever calls it."""
        if self.body.lstrip().upper().startswith(("RETURN", "BEGIN ATOMIC")):
            return True  # its names were resolved when it was made
        return any(each.startswith("search_path=") for each in self.settings)


async def try_wrappers(
    connection: Connection, functions: Iterable[Function], setting: str
) -> frozenset[int]:
    """Call functions without arguments, and return those that tell what is bound and no more.

    They are called with nothing bound, with the empty string and with two tenants. A body that
    reads anything else is not tried. Nothing is written.
    """
    tried = [each for each in functions if _may_be_tried(each, setting)]
    for nothing in (None, ""):  # in this order: what was bound once is never unset again
        tried = [each for each in tried if not await _told(connection, each, setting, nothing)]
    return frozenset(
        [each.oid for each in tried if await _tells_samples(connection, each, setting)]
    )


def _may_be_tried(function: Function, setting: str) -> bool:
    named = [name.lower() for name in _SETTING.findall(function.body)]
    return (
        function.arguments == 0
        and not (function.is_trigger or function.is_extension)
        and function.language in {"sql", "plpgsql"}
        and not _DEPENDS_ON_MORE.search(_SAYS_NOTHING.sub("''", function.body))
        and set(named) == {setting.lower()}
        and len(named) == len(_ANY_SETTING.findall(function.body))
    )


async def _tells_samples(connection: Connection, function: Function, setting: str) -> bool:
    for samples in _SAMPLES:
        told = [await _told(connection, function, setting, sample) for sample in samples]
        if tuple(told) == samples:
            return True
    return False


async def _told(
    connection: Connection, function: Function, setting: str, value: str | None
) -> str | None:
    """Return what a function tells while `value` is bound; None for an error."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if value is not None:
            await connection.execute("SELECT set_config($1, $2, true)", setting, value)
        told: str | None = await connection.fetchval(f"SELECT {function.name}::text")
    except asyncpg.PostgresError:
        return None
    else:
        return told
    finally:
        await transaction.rollback()
