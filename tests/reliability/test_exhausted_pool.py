"""R9 in short, and the control in which clients wait without end."""

from tests.reliability.exhausted_pool import RECOVERS, REFUSED_FAST, REFUSED_WELL, exhausted_pool
from tests.reliability.sites import Site


class TestExhaustedPool:
    async def test_refuses_whom_it_cannot_serve_and_recovers(self, site: Site):
        outcome = await exhausted_pool(site, clients=40, seconds=1.5)
        # How fast, `make reliability` measures; the suite shares its machine.
        assert {*outcome.broken} <= {REFUSED_FAST, RECOVERS}, outcome.figures
        assert outcome.figures["hung"] == 0

    async def test_keeps_clients_hanging_without_a_bounded_wait(self, site: Site):
        outcome = await exhausted_pool(site, clients=12, seconds=0.5, alteration="waits_for_ever")
        assert {REFUSED_FAST, REFUSED_WELL} <= {*outcome.broken}, outcome.figures
