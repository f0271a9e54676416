"""R1 and R7 in short, and the controls: without locks, and with locks in any order."""

from tests.reliability.hot_item import NOT_OVERSOLD, hot_item
from tests.reliability.opposite_transfers import NO_DEADLOCK, opposite_transfers
from tests.reliability.sites import Site


class TestHotItem:
    async def test_is_sold_as_often_as_it_is_there(self, site: Site):
        outcome = await hot_item(site, stock=20, requests=100, clients=16)
        assert outcome.broken == [], outcome.figures

    async def test_is_oversold_without_lock_and_check(self, site: Site):
        outcome = await hot_item(site, stock=20, requests=100, clients=16, workers=1, guarded=False)
        assert NOT_OVERSOLD in outcome.broken, outcome.figures
        assert int(outcome.figures["oversold"]) > 0


class TestOppositeTransfers:
    async def test_never_wait_for_each_other(self, site: Site):
        outcome = await opposite_transfers(site, items=6, documents=6, clients=8, seed=1)
        assert outcome.broken == [], outcome.figures

    async def test_wait_for_each_other_where_locks_have_no_order(self, site: Site):
        outcome = await opposite_transfers(
            site,
            items=4,
            documents=3,
            clients=4,
            seed=1,
            workers=1,
            alteration="balances_are_held_in_any_order",
        )
        assert NO_DEADLOCK in outcome.broken, outcome.figures
