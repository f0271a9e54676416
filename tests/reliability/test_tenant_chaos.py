"""The soak of the seal in short, and the control in which a business is bound by SET."""

from tests.reliability.sites import Site
from tests.reliability.tenant_chaos import UNBOUND_SEES_NOTHING, tenant_chaos


class TestChaos:
    async def test_shows_nobody_what_is_anothers(self, site: Site):
        outcome = await tenant_chaos(site, tenants=6, operations=600, requests=150, seed=1)
        assert outcome.broken == [], outcome.figures
        kinds = ("reads", "changes", "undone", "failed", "unbound_refused", "cut_off", "gone_away")
        assert all(outcome.figures.get(kind) for kind in kinds), outcome.figures

    async def test_shows_it_where_a_business_is_bound_by_session(self, site: Site):
        outcome = await tenant_chaos(
            site, tenants=6, operations=600, requests=0, seed=1, by_session=True
        )
        assert UNBOUND_SEES_NOTHING in outcome.broken, outcome.figures
