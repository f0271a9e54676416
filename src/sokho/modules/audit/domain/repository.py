"""The port through which recorded events are read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sokho.core.domain.paging import DEFAULT_LIMIT, Position
from sokho.modules.audit.domain.entities import RecordedEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: all conditions that are not None must hold."""

    type: str | None = None
    resource_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvents:
    """Some events, and whether more were left out because these are large already."""

    events: list[RecordedEvent]
    cut_short: bool


class RecordedEventRepository(ABC):
    """The events of one tenant, in the order in which a reader can follow them."""

    @abstractmethod
    async def list(
        self,
        filter: EventFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> RecordedEvents:
        """Return at most `limit` events by transaction and id, from behind `after`.

        Fewer, but one at least, where they are large.

        None of a transaction that another, still open, might precede: whoever reads on from the
        last event they have seen misses none.
        """
