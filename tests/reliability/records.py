"""What is kept of each run and each control: a line of JSON, and a row of the report."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass

from tests.reliability.faults import Run
from tests.reliability.outcomes import Figures, Outcome
from tests.reliability.sites import Site, durable_site


@dataclass(frozen=True)
class Record:
    """How one run or control went."""

    run: str
    fault: str
    without: str | None
    """The protection that a control lacks; None for the run itself."""
    seconds: float
    figures: Figures
    held: list[str]
    broken: list[str]
    is_as_expected: bool
    error: str | None = None
    """What stopped it before its end."""


def record(run: Run, seed: int) -> Iterator[Record]:
    """Make a run and then its controls, each on a site of its own."""
    yield _record(run, None, seed, run.make, ())
    for control in run.controls:
        yield _record(run, control.without, seed, control.make, control.must_break)


def _record(
    run: Run,
    without: str | None,
    seed: int,
    make: Callable[[Site, int], Awaitable[Outcome]],
    must_break: tuple[str, ...],
) -> Record:
    began = time.monotonic()
    error = None
    outcome = Outcome({}, {})
    try:
        with durable_site() as site:
            outcome = asyncio.run(_awaited(make(site, seed)))
    except Exception as raised:  # noqa: BLE001 - the other runs are made all the same
        error = f"{type(raised).__name__}: {raised}"
    is_as_expected = error is None and (
        not outcome.broken if without is None else {*must_break} <= {*outcome.broken}
    )
    return Record(
        run=run.number,
        fault=run.fault,
        without=without,
        seconds=round(time.monotonic() - began, 1),
        figures=outcome.figures,
        held=[promise for promise, held in outcome.promises.items() if held],
        broken=outcome.broken,
        is_as_expected=is_as_expected,
        error=error,
    )


def line(record: Record, seed: int) -> dict[str, object]:
    """Return what is printed of a record."""
    return {"seed": seed, **asdict(record)}


async def _awaited(outcome: Awaitable[Outcome]) -> Outcome:
    return await outcome
