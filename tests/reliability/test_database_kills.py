"""R3 in short: kills of PostgreSQL, and the control that must lose something."""

from tests.reliability.database_kills import ALL_THERE, database_kills
from tests.reliability.sites import Site


class TestKilledDatabase:
    async def test_loses_nothing_that_was_acknowledged(self, durable: Site):
        outcome = await database_kills(durable, kills=1, clients=6, seed=1)
        assert outcome.broken == [], outcome.figures

    async def test_loses_some_where_commits_are_not_durable(self, durable: Site):
        outcome = await database_kills(durable, kills=1, clients=6, seed=1, durable=False)
        assert ALL_THERE in outcome.broken, outcome.figures
