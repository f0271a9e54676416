"""A fault, the run that brings it about, and the controls of the run."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site


class Control(NamedTuple):
    """The same run without a protection: it must break these promises."""

    without: str
    make: Callable[[Site, int], Awaitable[Outcome]]
    must_break: tuple[str, ...]


class Run(NamedTuple):
    """A fault, the run that brings it about on a site with a seed, and its controls."""

    number: str
    fault: str
    make: Callable[[Site, int], Awaitable[Outcome]]
    controls: tuple[Control, ...]
