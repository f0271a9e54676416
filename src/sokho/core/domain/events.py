"""What has happened: one event for each change, written in the change's own transaction."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from msgspec import Struct

from sokho.core.domain.fields import field_names
from sokho.core.domain.json_objects import are_same

_TOLD_ELSEWHERE: Final = frozenset({"id", "tenant_id", "created_at", "updated_at"})


class Event(Struct, frozen=True):
    """One change: of what type, to which resource, and each field before and after.

    `changes` is JSON: ``{"name": {"before": …, "after": …}}``. Never a secret, and no person:
    who acted is an id.
    """

    type: str
    resource_id: str | None
    changes: Mapping[str, object]


class EventLog(ABC):
    """Where events go: with the next change of the transaction, or not at all."""

    @abstractmethod
    def record(self, event: Event) -> None:
        """Have `event` written together with what changes next."""


def created(kind: str, id: object, entity: Any, *, hidden: Collection[str] = ()) -> Event:
    """Return the event of a thing that was made, without its `hidden` fields."""
    changes = {name: {"after": value} for name, value in _shown(entity, hidden).items()}
    return Event(f"{kind}.created", str(id), changes)


def updated(kind: str, id: object, before: Any, after: Any) -> Event:
    """Return the event of a thing that was changed: the fields that differ."""
    return Event(f"{kind}.updated", str(id), differences(before, after))


def deleted(kind: str, id: object, entity: Any) -> Event:
    """Return the event of a thing that was removed."""
    changes = {name: {"before": value} for name, value in _shown(entity).items()}
    return Event(f"{kind}.deleted", str(id), changes)


def differences(before: Any, after: Any) -> dict[str, object]:
    """Return the fields in which two states of one thing differ, before and after."""
    old, new = _shown(before), _shown(after)
    return {
        name: {"before": old[name], "after": new[name]}
        for name in old
        if not _are_same(old[name], new[name])
    }


def _are_same(one: object, other: object) -> bool:
    """Compare two values of a field: JSON objects as they are stored."""
    if one is other:
        return True  # as most are, and to know a mapping takes a while
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return are_same(one, other)
    return one == other


def _shown(entity: Any, hidden: Collection[str] = ()) -> dict[str, object]:
    return {name: getattr(entity, name) for name in _told(entity.__class__, frozenset(hidden))}


@cache
def _told(kind: type, hidden: frozenset[str]) -> tuple[str, ...]:
    """Return the fields that events tell of, of a kind of entity."""
    left_out = _TOLD_ELSEWHERE | hidden
    return tuple(name for name in field_names(kind) if name not in left_out)
