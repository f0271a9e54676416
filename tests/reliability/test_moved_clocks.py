"""R13 in short, and the control in which keys end by the machine's own clock."""

from tests.reliability.moved_clocks import EXPIRES_IN_TIME, moved_clocks
from tests.reliability.sites import Site


class TestMovedClock:
    async def test_changes_no_end_no_date_and_no_order(self, site: Site):
        outcome = await moved_clocks(site, items=8)
        assert outcome.broken == [], outcome.figures

    async def test_serves_keys_that_have_ended_if_it_is_believed(self, site: Site):
        alteration = "keys_end_by_the_machines_clock"
        outcome = await moved_clocks(site, items=1, alteration=alteration)
        assert outcome.broken == [EXPIRES_IN_TIME], outcome.figures
