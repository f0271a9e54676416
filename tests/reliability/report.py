"""RELIABILITY.md, from the records of all runs."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sokho.core.infrastructure.embedded_postgres.binaries import find_binaries
from sokho.core.infrastructure.embedded_postgres.unprivileged import server_user
from tests.reliability.records import Record

ROOT: Final = Path(__file__).parents[2]
REPORT: Final = ROOT / "RELIABILITY.md"

_HEAD: Final = """# Reliability

Written by `make reliability`, which brings each fault about on real `sokho serve` processes over an
embedded PostgreSQL with durable settings, and counts. Each control is the same run with one
protection taken away: it must break what the run promises. How, and why it can be believed, is in
[docs/decisions/0043](docs/decisions/0043-fault-runs.md); the short forms are in `make test`.

- commit: {commit}
- seed: {seed}
- Python {python}, PostgreSQL {postgres}, {system}, {cores} cores
- {verdict}

## What this does not show

SIGKILL keeps the page cache: what PostgreSQL has handed to the operating system survives the kill
of a process whether or not it was flushed. So R3 shows that nothing is lost when processes die. It
does not show that nothing is lost when the power fails; that rests on PostgreSQL's `fsync`, which
is on, and on the disk. All processes share one machine: no network is slow or cut, and the load and
what is under load share its cores, so the times say what this machine can do and no more.

## Runs
"""


def report(records: Sequence[Record], seed: int) -> str:
    """Return the report."""
    as_expected = sum(record.is_as_expected for record in records)
    verdict = f"{as_expected} of {len(records)} runs and controls as expected"
    head = _HEAD.format(
        commit=_commit(),
        seed=seed,
        python=platform.python_version(),
        postgres=_postgres(),
        system=_system(),
        cores=os.cpu_count(),
        verdict=verdict,
    )
    runs = [record for record in records if record.without is None]
    controls = [record for record in records if record.without is not None]
    parts = [head, *map(_section, runs), "## Controls\n", _control_table(controls)]
    return "\n".join(parts)


def _section(record: Record) -> str:
    promises = [f"- held: {promise}" for promise in record.held]
    promises += [f"- **broken: {promise}**" for promise in record.broken]
    if record.error is not None:
        promises.append(f"- **stopped: {record.error}**")
    verdict = "holds" if record.is_as_expected else "DOES NOT HOLD"
    return "\n".join(
        (
            f"### {record.run}: {record.fault}\n",
            f"{verdict}, in {record.seconds:.0f} s.\n",
            *promises,
            "",
            "| figure | |",
            "|---|---:|",
            *(f"| {_words(name)} | {value} |" for name, value in record.figures.items()),
            "",
        )
    )


def _control_table(controls: Sequence[Record]) -> str:
    rows = []
    for record in controls:
        verdict = "fails, as it must" if record.is_as_expected else "**DID NOT FAIL**"
        broken = "; ".join(record.broken) or record.error or "nothing"
        figures = ", ".join(f"{_words(name)} {value}" for name, value in record.figures.items())
        rows.append(f"| {record.run} | {record.without} | {verdict} | {broken} | {figures} |")
    head = ("| run | without | verdict | broken | figures |", "|---|---|---|---|---|")
    return "\n".join((*head, *rows, ""))


def _words(name: str) -> str:
    """Return a figure's name in words, with its unit."""
    for unit in ("s", "ms"):
        if name.endswith(f"_{unit}"):
            name = f"{name.removesuffix(f'_{unit}')} ({unit})"
    return name.replace("_", " ")


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ("git", "-C", str(ROOT), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    changed = [
        line for line in git("status", "--porcelain").splitlines() if REPORT.name not in line
    ]
    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


def _postgres() -> str:
    command = (find_binaries(server_user()).folder / "postgres", "--version")
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return told.split()[2]


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.system()
    return f"{name} on {platform.machine()}"
