"""An event log that keeps what it is told."""

from sokho.core.domain.events import Event, EventLog


class FakeEventLog(EventLog):
    """Every event, in the order in which they were recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        """The type of each event."""
        return [event.type for event in self.events]
