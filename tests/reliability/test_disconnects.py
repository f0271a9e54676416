"""R10 in short, and the control in which whoever fails keeps its connection."""

from tests.reliability.disconnects import ALL_USABLE, NOTHING_OPEN, disconnects
from tests.reliability.sites import Site


class TestDisconnect:
    async def test_leaves_nothing_open_and_nothing_by_half(self, site: Site):
        outcome = await disconnects(site, clients=100, seed=1)
        assert outcome.broken == [], outcome.figures

    async def test_leaves_transactions_open_where_none_is_rolled_back(self, site: Site):
        outcome = await disconnects(site, clients=60, seed=1, alteration="never_rolls_back")
        assert {NOTHING_OPEN, ALL_USABLE} <= {*outcome.broken}, outcome.figures
