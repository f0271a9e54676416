"""R15 in short, and the control: uvicorn's own way to stop."""

from typing import Final

import pytest

from tests.reliability.sites import Site
from tests.reliability.stops import NOTHING_LOST, TOLD, stops

# Whether a request is on its way at the very moment is a matter of chance.
_TRIES: Final = 5


class TestStop:
    @pytest.mark.parametrize("workers", [1, 2])
    async def test_under_load_loses_nothing(self, site: Site, workers: int):
        outcome = await stops(site, rounds=1, clients=12, workers=workers)
        assert outcome.broken == [], outcome.figures

    async def test_as_uvicorn_does_it_loses_some(self, site: Site):
        alteration = "stops_as_uvicorn_does"
        broken: set[str] = set()
        for _ in range(_TRIES):
            outcome = await stops(site, rounds=1, clients=48, workers=1, alteration=alteration)
            broken |= {*outcome.broken}
            if broken >= {NOTHING_LOST, TOLD}:
                return
        raise AssertionError(outcome.figures)
