"""The database's time, asked for now and then and never told ahead."""

from datetime import UTC, datetime, timedelta

from sokho.core.infrastructure.database.clock import DatabaseClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Machine:
    """A database clock and a monotonic one, both in the test's hands."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.asked = 0
        self.trip = 0.0
        self.clock = DatabaseClock(self.ask, ticks=lambda: self.seconds)

    async def ask(self) -> datetime:
        """Answer the time at which the database was asked; the way back takes `trip`."""
        self.asked += 1
        told = NOON + timedelta(seconds=self.seconds)
        self.seconds += self.trip
        return told


class TestDatabaseClock:
    async def test_is_asked_once_in_half_a_minute(self):
        machine = Machine()
        for _ in range(31):
            assert await machine.clock.now() == NOON + timedelta(seconds=machine.seconds)
            machine.seconds += 1
        assert machine.asked == 1
        await machine.clock.now()
        assert machine.asked == 2

    async def test_is_never_ahead_of_the_database(self):
        machine = Machine()
        machine.trip = 4.0
        for _ in range(20):
            assert await machine.clock.now() <= NOON + timedelta(seconds=machine.seconds)
            machine.seconds += 2.5
