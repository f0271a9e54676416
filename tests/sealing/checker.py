"""Calls an operation as one business with another's values, and finds what it learns or changes."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.conftest import OPERATOR_KEY
from tests.sealing.calls import UUID_TEXT, Answer, call
from tests.sealing.document import Operation, Slot, operations_of
from tests.sealing.parties import CANARY, OWN, Party, nobody
from tests.sealing.placement import SHOW_EVERY_BUSINESS, Telling, places_of
from tests.sealing.world import Rows, World

NOT_MODIFIED: Final = 304
FORBIDDEN: Final = 403

_SHOWN: Final = 800
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{4,6})")
_CURSOR: Final = re.compile(r"[?&]cursor=([\w-]+)")


@dataclass(frozen=True)
class Finding:
    """What is wrong with one call.

    `told`, `differs`, `changed`, `let_in` (where the operator alone may be), `failed`, `not_shown`.
    """

    operation: str
    code: str
    seen: str

    def __str__(self) -> str:
        return f"{self.operation} [{self.code}] {self.seen}"


LEAKS: Final = frozenset({"told", "differs", "changed", "let_in"})
"""The codes of what one business learnt or did; the others say that nothing was shown."""


class SealError(AssertionError):
    """One business learnt of another's rows, or changed them; or nothing was shown at all."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n\n".join(["", *map(str, findings)]))
        self.findings = findings


async def check_every_operation(world: World) -> int:
    """Check each operation of the service's document; returns and raises as `check`."""
    return await check(world, operations_of(await world.document()))


async def check(world: World, operations: Iterable[Operation]) -> int:
    """Check these operations, and return how many calls that took.

    Raises `SealError` with all that was found, `CannotPlace` and `UnseededError`.
    """
    checks = [_Check(world, operation) for operation in operations]
    for each in checks:
        await each.run()
    if findings := [finding for each in checks for finding in each.findings]:
        raise SealError(findings)
    return sum(each.calls for each in checks)


class _Check:
    """One operation, between parties of its own: the caller, the sealed business and nobody."""

    def __init__(self, world: World, operation: Operation) -> None:
        self._world = world
        self._operation = operation
        self._places = places_of(operation)
        self.findings: list[Finding] = []
        self.calls = 0

    async def run(self) -> None:
        """Make every call, and keep what is found."""
        self._sealed = await self._open(CANARY)
        self._caller = await self._open(OWN)
        await self._world.remember(self._caller)
        self._rows = await self._world.rows_of(self._sealed.tenant_id)
        self._secrets = _secrets_in(self._rows)
        for chosen in self._own_choices():
            answer = await self._call(chosen, self._key_of(self._caller))
            if not answer.has_succeeded:
                self._note("not_shown", f"with its own {_listed(chosen)}", answer)
        for slots in self._foreign_choices():
            await self._read_as_sealed(slots)
            theirs = await self._call(self._values_of(self._sealed, slots))
            none = await self._call(self._values_of(nobody(), slots))
            if theirs.comparable != none.comparable:
                self._note("differs", f"with another's {_listed(slots)}", theirs, none)
        await self._compare_with_one_more()

    async def _read_as_sealed(self, slots: tuple[Slot, ...]) -> None:
        """Let the sealed business read its own: it is there, and remembered if anything is."""
        if self._operation.is_safe:
            values = self._completed(self._sealed, self._values_of(self._sealed, slots))
            key = self._key_of(self._sealed)
            answer = await call(self._world.http, key, self._operation, values)
            shown = any(secret in answer.text for secret in self._secrets)
            if not (shown or answer.status == NOT_MODIFIED):
                self._note("not_shown", f"to who may see it, with {_listed(slots)}", answer)

    async def _compare_with_one_more(self) -> None:
        """Compare what is read before and after another business opens: counts tell, too."""
        if self._operation.is_safe:
            before = await self._call({})
            await self._open(CANARY)
            after = await self._call({})
            if before.comparable != after.comparable:
                self._note("differs", "with one more business", after, before)

    async def _open(self, word: str) -> Party:
        """Open a business; where the operation is a list, turn a page of its own."""
        party = await self._world.open(word)
        slots = {slot.name: slot for slot in self._operation.slots if slot.where == "query"}
        if "cursor" in slots:
            values = self._completed(party, {slots["limit"]: 1})
            answer = await call(self._world.http, self._key_of(party), self._operation, values)
            found = _CURSOR.search(answer.link)
            assert found, f"{self._operation}: `stock` gives it no second page"
            party.cursor = found[1]
        return party

    def _key_of(self, party: Party) -> str:
        """Return the key with which a party, or the operator in its place, may call."""
        return OPERATOR_KEY if self._operation.is_the_operators else party.api_key

    def _own_choices(self) -> Iterator[Mapping[Slot, object]]:
        """Yield what is needed alone, and then with each other thing."""
        yield {}
        for slot, place in self._places.items():
            if isinstance(place, Telling):
                yield {slot: place.own(self._caller)}
            else:
                yield from ({slot: value} for value in place.values)

    def _foreign_choices(self) -> Iterator[tuple[Slot, ...]]:
        """Yield each place that could tell of another, and those that make one whole."""
        telling = [slot for slot, place in self._places.items() if isinstance(place, Telling)]
        address = [slot for slot in telling if slot.where in {"path", "header"}]
        filters = [slot for slot in telling if slot.where == "query" and slot.name != "cursor"]
        rest = [slot for slot in telling if slot.name == "cursor" or slot.where == "body"]
        choices = [
            *([slot] for slot in telling),
            address,
            [*address, *filters],  # a cursor belongs to no filters but its own
            [*address, *rest],
        ]
        yield from dict.fromkeys(tuple(choice) for choice in choices if choice)

    def _values_of(self, party: Party, slots: Iterable[Slot]) -> Mapping[Slot, object]:
        places = {slot: self._places[slot] for slot in slots}
        return {s: place.of(party) for s, place in places.items() if isinstance(place, Telling)}

    def _completed(self, party: Party, chosen: Mapping[Slot, object]) -> dict[Slot, object]:
        """Return the values of a whole call: what has to come along is the party's own."""
        values = dict(chosen)
        beside = {self._places[slot].beside for slot in chosen}
        for slot, place in self._places.items():
            is_needed = place.is_needed or slot.name in beside or slot.comes_with(chosen)
            if slot not in values and is_needed:
                values[slot] = place.own(party)
        given = {self._places[slot].instead_of for slot in values}
        return {slot: value for slot, value in values.items() if slot.name not in given}

    async def _call(self, chosen: Mapping[Slot, object], key: str = "") -> Answer:
        """Call as the caller, and note whatever no answer may say and no call may do.

        Where the operator alone may be, it is called with the caller's key unless `key` is given.
        """
        self.calls += 1
        values = self._completed(self._caller, chosen)
        with_key = key or self._caller.api_key
        answer = await call(self._world.http, with_key, self._operation, values)
        if answer.status >= 500:
            self._note("failed", f"with {_listed(chosen)}", answer)
        if self._operation.is_the_operators and not key and answer.status != FORBIDDEN:
            self._note("let_in", f"with {_listed(chosen)}", answer)
        told = sorted(secret for secret in self._secrets if secret in answer.unsent)
        is_right = with_key == OPERATOR_KEY and str(self._operation) in SHOW_EVERY_BUSINESS
        if told and not is_right:
            self._note("told", f"{', '.join(told)} with {_listed(chosen)}", answer)
        rows = await self._world.rows_of(self._sealed.tenant_id)
        if rows != self._rows:
            changed = ", ".join(table for table in rows if rows[table] != self._rows[table])
            self._note("changed", f"{changed} with {_listed(chosen)}", answer)
            self._rows = rows
        if answer.has_succeeded and not self._operation.is_safe:
            await self._world.rewind(self._caller)  # each call meets the same state
        return answer

    def _note(self, code: str, seen: str, *answers: Answer) -> None:
        shown = "\n  instead of:\n".join(answer.unsent[:_SHOWN] for answer in answers)
        self.findings.append(Finding(str(self._operation), code, f"{seen}:\n{shown}"))


def _secrets_in(rows: Rows) -> set[str]:
    """Return what tells of the rows: their texts begin with the canary, and each id is unique."""
    texts = [row for table in rows.values() for row in table]
    ids = {id for text in texts for id in UUID_TEXT.findall(text)}
    moments = {f"{day}T{time}" for text in texts for day, time in _MOMENT.findall(text)}
    return {CANARY} | ids | {id.replace("-", "") for id in ids} | moments


def _listed(slots: Collection[Slot]) -> str:
    return ", ".join(map(str, slots)) or "nothing but what is needed"
