"""One table of what was measured."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from platform import python_version
from statistics import median

from benchmarks.load import Measurement
from benchmarks.servers import NAIVE

Results = Mapping[tuple[str, str], Sequence[Measurement]]
"""By operation and server, in the order of the rounds."""


def table(results: Results) -> str:
    """Return a Markdown table: medians, their spread, and ratios to the naive peer.

    A ratio is the median of the rounds' own ratios: what slows a whole round down does not
    count. The spread is that of the ratios.
    """
    lines = [
        "| operation | server | requests/s | × naive (spread) | p99 ms | CPU µs | CPU of naive's |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for (operation, server), measured in results.items():
        naive = results[operation, NAIVE]
        rates = ratios(measured, naive, lambda one: one.requests_per_second)
        cells = [
            operation,
            server,
            f"{median(one.requests_per_second for one in measured):.0f}",
            f"{median(rates):.1f} ({min(rates):.1f}–{max(rates):.1f})",
            f"{median(one.p99_milliseconds for one in measured):.0f}",
            "–",
            "–",
        ]
        if all(one.cpu_microseconds for one in (*measured, *naive)):
            shares = ratios(naive, measured, lambda one: one.cpu_microseconds or 0.0)
            cells[-2] = f"{median(one.cpu_microseconds or 0.0 for one in measured):.0f}"
            cells[-1] = f"1/{median(shares):.1f}"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(
    above: Sequence[Measurement],
    below: Sequence[Measurement],
    value: Callable[[Measurement], float],
) -> list[float]:
    """Return the ratio of each round."""
    return [value(one) / value(other) for one, other in zip(above, below, strict=True)]


def versions() -> str:
    """Return what was measured with."""
    packages = ("sokho", "fastapi", "starlette", "uvicorn", "uvloop", "asyncpg", "sqlalchemy")
    listed = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {python_version()}, {listed}"
