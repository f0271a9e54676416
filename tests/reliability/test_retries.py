"""R4, R5 and R6 in short: clients that send again, and the controls that do it without a key."""

from tests.reliability.retry_storm import ONE_EFFECT, SAME_ANSWER, retry_storm
from tests.reliability.reused_keys import OTHERS_REFUSED, reused_keys
from tests.reliability.sites import Site
from tests.reliability.worker_kills import ONCE, worker_kills


class TestKilledWorker:
    async def test_has_everything_done_once(self, site: Site):
        outcome = await worker_kills(site, kills=1, random_kills=1, seed=1)
        assert outcome.broken == [], outcome.figures

    async def test_has_some_done_twice_without_a_key(self, site: Site):
        outcome = await worker_kills(site, kills=1, random_kills=0, seed=1, with_key=False)
        assert ONCE in outcome.broken, outcome.figures


class TestRetryStorm:
    async def test_has_one_effect_a_key(self, site: Site):
        outcome = await retry_storm(site, keys=10, sends=10)
        assert outcome.broken == [], outcome.figures

    async def test_has_many_effects_without_keys(self, site: Site):
        outcome = await retry_storm(site, keys=2, sends=3, workers=1, with_key=False)
        assert {ONE_EFFECT, SAME_ANSWER} <= {*outcome.broken}, outcome.figures


class TestReusedKey:
    async def test_is_for_one_request_of_one_business(self, site: Site):
        outcome = await reused_keys(site, keys=4)
        assert outcome.broken == [], outcome.figures

    async def test_is_refused_for_the_other_body_alone(self, site: Site):
        outcome = await reused_keys(site, keys=1, other_body=False)
        assert outcome.broken == [OTHERS_REFUSED], outcome.figures
