"""R1, R2, R7, R16 and W in short, each with the control that lacks what keeps the promise."""

from tests.reliability.hot_item import NOBODY_LATER, NOT_OVERSOLD, hot_item
from tests.reliability.item_history import LINEAR, item_history
from tests.reliability.ledger_audit import ledger_audit
from tests.reliability.model_run import NO_DIVERGENCE, model_run
from tests.reliability.opposite_transfers import NO_DEADLOCK, opposite_transfers
from tests.reliability.sites import Site


class TestHotItem:
    async def test_is_sold_as_often_as_it_is_there(self, site: Site):
        outcome = await hot_item(site, stock=10, requests=60, clients=12, promising=True)
        # Whether it keeps up, `make reliability` judges; the suite shares its machine.
        assert {*outcome.broken} <= {NOBODY_LATER}, outcome.figures

    async def test_is_oversold_without_lock_and_check(self, site: Site):
        outcome = await hot_item(site, stock=10, requests=60, clients=12, workers=1, guarded=False)
        assert NOT_OVERSOLD in outcome.broken, outcome.figures
        assert int(outcome.figures["oversold"]) > 0


class TestOppositeTransfers:
    async def test_never_wait_for_each_other(self, site: Site):
        outcome = await opposite_transfers(
            site, items=6, documents=4, clients=8, seed=1, stocktakes=2
        )
        assert outcome.broken == [], outcome.figures

    async def test_wait_for_each_other_where_locks_have_no_order(self, site: Site):
        outcome = await opposite_transfers(
            site,
            items=6,
            documents=8,
            clients=4,
            seed=1,
            workers=1,
            in_order=False,
        )
        assert NO_DEADLOCK in outcome.broken, outcome.figures


class TestItemHistory:
    async def test_agrees_with_one_order_of_everything(self, site: Site):
        outcome = await item_history(site, clients=8, actions=12, seed=1)
        assert outcome.broken == [], outcome.figures

    async def test_does_not_where_levels_are_read_from_a_copy(self, site: Site):
        outcome = await item_history(
            site,
            clients=6,
            actions=8,
            seed=1,
            workers=1,
            alteration="levels_are_read_from_a_copy",
        )
        assert LINEAR in outcome.broken, outcome.figures


class TestModel:
    async def test_gives_every_answer_of_the_service(self, site: Site):
        outcome = await model_run(site, examples=4, steps=25)
        assert outcome.broken == [], outcome.figures

    async def test_tells_a_service_that_does_something_else(self, site: Site):
        outcome = await model_run(
            site, examples=20, steps=15, alteration="reversals_leave_out_the_last_line"
        )
        assert NO_DIVERGENCE in outcome.broken, outcome.figures


class TestLedger:
    async def test_is_whole_after_kills_and_told_where_it_was_spoilt(self, durable: Site):
        outcome = await ledger_audit(
            durable, worker_kills=1, database_kills=1, between=10, clients=6, seed=1
        )
        assert outcome.broken == [], outcome.figures
