"""What it costs to hold the contract: ``python -m benchmarks.contract``.

The service as shipped, with metrics on and the limits counting, takes turns under the same load
with the same service without any of that (`benchmarks.peers.uncontracted`), and with one that
traces every request besides.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from threading import Thread
from typing import Final

from benchmarks.dataset import Dataset, filled_database
from benchmarks.load import Measurement, measure, require_wrk
from benchmarks.operations import CREATE, GET, write_requests
from benchmarks.report import versions
from benchmarks.rounds import Results, ratios
from benchmarks.servers import Contender, free_port, running, sokho

BARE: Final = "nothing around the routes"
SHIPPED: Final = "as shipped, metrics on"
TRACED: Final = "the same, every request traced"

_PERCENT: Final = 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contract", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4, help="of each server in each round")
    options = parser.parse_args()
    wrk = require_wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    with filled_database(tenants=20, items=1000) as dataset, _collector() as endpoint:
        results = _compare(dataset, endpoint, wrk, options)
    print(f"\n{table(results)}\n\n{options.rounds} rounds of {options.seconds} s; {versions()}")


def table(results: Results) -> str:
    """Return a Markdown table: medians, and what each costs beside `BARE`, with the spread."""
    lines = [
        "| operation | service | requests/s | throughput lost, % (spread) | CPU µs | more CPU, % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for (operation, name), measured in results.items():
        bare = results[operation, BARE]
        lost = [1 - rate for rate in ratios(measured, bare, lambda one: one.requests_per_second)]
        more = [share - 1 for share in ratios(measured, bare, _cpu)]
        cells = [
            operation,
            name,
            f"{median(one.requests_per_second for one in measured):.0f}",
            "–" if name == BARE else _percent(lost),
            f"{median(map(_cpu, measured)):.0f}",
            "–" if name == BARE else _percent(more),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _compare(
    dataset: Dataset, endpoint: str, wrk: str, options: argparse.Namespace
) -> dict[tuple[str, str], list[Measurement]]:
    results: dict[tuple[str, str], list[Measurement]] = {}
    with ExitStack() as stack:
        contenders = _contenders(dataset, endpoint)
        servers = [stack.enter_context(running(one, dataset.folder)) for one in contenders]
        files = {
            (one.pid, operation): write_requests(operation, one.contender, dataset)
            for one in servers
            for operation in (GET, CREATE)
        }
        for operation in (GET, CREATE):
            for number in range(options.rounds + 1):
                # In turn forwards and backwards, so that none always follows the same one.
                for one in servers if number % 2 else servers[::-1]:
                    file = files[one.pid, operation]
                    measured = measure(one, wrk, file, seconds=options.seconds)
                    shown = f"{measured.requests_per_second:.0f}/s, {_cpu(measured):.0f} µs"
                    print(f"{operation}, {number}, {one.contender.name}: {shown}", flush=True)
                    if number > 0:  # the first is for warming up
                        key = operation, one.contender.name
                        results.setdefault(key, []).append(measured)
    return {key: results[key] for key in sorted(results, key=lambda key: (key[0] != GET,))}


def _contenders(dataset: Dataset, endpoint: str) -> list[Contender]:
    def shipped(name: str, **environment: str) -> Contender:
        return sokho(
            name, dataset, environment={"SOKHO_METRICS_PORT": str(free_port()), **environment}
        )

    peer = (sys.executable, "-m", "benchmarks.peers.uncontracted")
    return [
        sokho(BARE, dataset, command=peer, environment={"SOKHO_REQUESTS_PER_MINUTE": "0"}),
        shipped(SHIPPED),
        shipped(TRACED, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint),
    ]


@contextmanager
def _collector() -> Iterator[str]:
    """Yield the address of an OpenTelemetry collector that throws everything away."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tell nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _cpu(measured: Measurement) -> float:
    """Return the CPU time of a request; not a number where the system does not tell."""
    return measured.cpu_microseconds or float("nan")


def _percent(shares: list[float]) -> str:
    low, middle, high = (round(_PERCENT * f(shares), 1) for f in (min, median, max))
    return f"{middle} ({low}–{high})"


if __name__ == "__main__":
    main()
