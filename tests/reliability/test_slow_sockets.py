"""R11 in short, and the control in which slow senders take every place there is."""

from tests.reliability.sites import Site
from tests.reliability.slow_sockets import AS_FAST, UNHARMED, slow_sockets


class TestSlowSocket:
    async def test_harms_nobody_else(self, site: Site):
        outcome = await slow_sockets(site, sockets=60, seconds=1, to_the_end=False)
        # How fast, `make reliability` measures; the suite shares its machine.
        assert {*outcome.broken} <= {AS_FAST}, outcome.figures

    async def test_harms_others_where_there_are_too_few_places(self, site: Site):
        outcome = await slow_sockets(site, sockets=60, seconds=1, to_the_end=False, most=20)
        assert UNHARMED in outcome.broken, outcome.figures
