"""R8 in short, and the control that answers 500."""

from tests.reliability.conflicts import NEVER_500, conflicts
from tests.reliability.sites import Site


class TestConflict:
    async def test_is_tried_again_or_answered_later(self, site: Site):
        outcome = await conflicts(site, writers=8)
        assert outcome.broken == [], outcome.figures

    async def test_is_an_internal_error_where_nobody_expects_it(self, site: Site):
        outcome = await conflicts(site, writers=8, alteration="takes_conflicts_for_faults")
        assert NEVER_500 in outcome.broken, outcome.figures
