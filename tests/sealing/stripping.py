"""Statements without their tenant predicates, so that row-level security stands alone."""

import copy
import re
from collections import Counter
from collections.abc import Collection
from typing import Any, Final

import pytest

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.reading import ReadTransaction
from sokho.core.infrastructure.database.transaction import WriteTransaction

_EQUALS_PARAMETER: Final = re.compile(r"\b(\w+)\.\w+ = (\$(\d+)::UUID)")
_EQUALS_BOUND: Final = re.compile(r"\b(\w+)\.\w+ = bound\.tenant::uuid")
# What is set is written without blanks: SET a=$1.
_COMPARED: Final = r"(?:\s[=<>]+|\bIN|\bANY)\s*\(?\s*{0}|{0}(?:::uuid)?\s+[=<>]"


class Stripper:
    """Runs every statement without its tenant predicates, and keeps what it could not strip."""

    def __init__(self, tables: Collection[str]) -> None:
        names = "|".join(map(re.escape, tables))
        self._reference = re.compile(
            rf"(?:\bFROM|\bJOIN|\bUPDATE|\bUSING|,)\s+({names})\b(?!\.)(?: AS (\w+))?"
        )
        self._done: dict[Statement, Statement] = {}
        self.removed = 0
        self.faults: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let both kinds of transaction run stripped statements."""
        for kind in (ReadTransaction, WriteTransaction):
            monkeypatch.setattr(kind, "_run", self._running(kind._run))

    def stripped(self, statement: Statement) -> Statement:
        """Return a copy of the statement that filters by no tenant."""
        if statement not in self._done:
            bare = copy.copy(statement)
            bare.text = self._without_parameter(statement)
            if statement.one_trip is not None:
                bare.one_trip = self._without_bound(statement.one_trip)
            self._done[statement] = bare
        return self._done[statement]

    def _running(self, run: Any) -> Any:
        async def run_stripped(transaction: Any, statement: Statement, values: Any) -> Any:
            return await run(transaction, self.stripped(statement), values)

        return run_stripped

    def _without_parameter(self, statement: Statement) -> str:
        numbers = {
            str(number)
            for number, name in enumerate(statement._names, start=1)
            if name == TENANT.key
        }

        def replaced(match: re.Match[str]) -> str:
            if match[3] not in numbers:
                return match[0]
            filtered.append(match[1])
            return f"({match[2]} IS NOT NULL)"  # the parameter keeps its place and its type

        filtered: list[str] = []
        text = _EQUALS_PARAMETER.sub(replaced, statement.text)
        self._judge(statement.text, filtered, text, [rf"\${number}\b" for number in numbers])
        return text

    def _without_bound(self, one_trip: str) -> str:
        filtered = [match[1] for match in _EQUALS_BOUND.finditer(one_trip)]
        text = _EQUALS_BOUND.sub("true", one_trip)
        self._judge(one_trip, filtered, text, [r"bound\.tenant"])
        return text

    def _judge(self, shipped: str, filtered: list[str], text: str, tenants: list[str]) -> None:
        """Note each reference to a table that named no tenant, and each predicate left over."""
        self.removed += len(filtered)
        read = Counter(alias or table for table, alias in self._reference.findall(shipped))
        for name in read - Counter(filtered):
            self.faults.append(f"{name} is read without a tenant predicate: {shipped}")
        if re.search(r"\bOR\b", shipped):
            self.faults.append(f"a predicate beside an OR may let other rows pass: {shipped}")
        for tenant in tenants:
            if re.search(_COMPARED.format(tenant), text, re.IGNORECASE):
                self.faults.append(f"a tenant predicate could not be removed: {text}")
