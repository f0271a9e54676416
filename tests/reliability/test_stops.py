"""R15 in short, and the control: uvicorn's own way to stop."""

import pytest

from tests.reliability.sites import Site
from tests.reliability.stops import NOTHING_LOST, TOLD, stops


class TestStop:
    @pytest.mark.parametrize("workers", [1, 2])
    async def test_under_load_loses_nothing(self, site: Site, workers: int):
        outcome = await stops(site, rounds=1, clients=12, workers=workers)
        assert outcome.broken == [], outcome.figures

    async def test_as_uvicorn_does_it_loses_some(self, site: Site):
        alteration = "stops_as_uvicorn_does"
        outcome = await stops(site, rounds=1, clients=48, workers=1, alteration=alteration)
        assert {NOTHING_LOST, TOLD} <= {*outcome.broken}, outcome.figures
