"""Compare Sokho with what a user would pick instead: ``python -m benchmarks.run`` (``make bench``).

Everything runs on this machine and is removed at the end; what stays is BENCHMARKS.md.
"""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks import bulk, report, row_security, throughput
from benchmarks.dataset import Dataset, copied, filled_database, keep_stock
from benchmarks.load import require_wrk
from benchmarks.operations import receive
from benchmarks.pauses import Pauses, pauses
from benchmarks.servers import SOKHO, running, sokho

_BENCHMARKS: Final = Path(__file__).parents[1] / "BENCHMARKS.md"

_QUICK: Final = {"tenants": 4, "items": 300, "large": 1_000, "rounds": 1, "seconds": 1}
_LEAST: Final = {"tenants": 1, "items": 300, "large": 0, "rounds": 1, "seconds": 1}
_QUICK_PAUSES: Final = 0.5
_PAUSES: Final = 10
_QUICK_LOADING: Final = 2_000
_LOADING: Final = 20_000


def main() -> None:
    options = _options()
    wrk = require_wrk()
    if find_spec("sqlmodel") is None:
        sys.exit("The peers need packages of their own: `make bench` installs them.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    quiet = pauses(_QUICK_PAUSES if options.quick else _PAUSES)
    sizes = {name: getattr(options, name) for name in ("tenants", "items", "large")}
    with filled_database(**sizes) as dataset:
        found = _measure(dataset, wrk, options, quiet)
    text = report.document(found)
    print(f"\n{report.ratio_table(found.throughput)}")
    if options.output is None:
        print(f"\n{text}")
    else:
        options.output.write_text(text, "utf-8")
        print(f"\nGoals and everything else: {options.output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--items", type=int, default=1000, help="of each tenant, 300 or more")
    parser.add_argument("--large", type=int, default=100_000, help="items of one tenant more")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each contender in each round")
    parser.add_argument("--output", type=Path, default=_BENCHMARKS)
    parser.add_argument(
        "--quick", action="store_true", help="one short round on little data, and no file"
    )
    options = parser.parse_args()
    if options.quick:
        vars(options).update(_QUICK, output=None)
    for name, least in _LEAST.items():
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}")
    return options


def _measure(
    dataset: Dataset, wrk: str, options: argparse.Namespace, quiet: Pauses
) -> report.Findings:
    told = (
        f"{options.rounds} rounds of {options.seconds} s; {options.tenants} businesses with "
        f"{options.items} items each, and one with {options.large}. {report.machine()} "
        f"{quiet.sentence}"
    )
    _fill(dataset)
    copies = {
        name: asyncio.run(copied(dataset, f"copy_{number}"))
        for number, name in enumerate((row_security.SEALED, row_security.UNSEALED))
    }
    how = {"rounds": options.rounds, "seconds": options.seconds}
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(one, dataset.folder))
            for one in throughput.contenders(dataset)
        ]
        most = throughput.compare(dataset, servers, wrk, **how)
        paced = throughput.compare_at_fixed_rates(dataset, servers, wrk, most, **how)
        memory = {one.contender.name: one.memory() for one in servers}
    # Short turns, and more of them: what is looked for is smaller than what a turn varies by.
    more = 4 * options.rounds
    sealing = row_security.compare(dataset, copies, wrk, rounds=more, seconds=1)
    items = _QUICK_LOADING if options.quick else _LOADING
    loading = bulk.compare(dataset, copies[row_security.SEALED], rounds=options.rounds, items=items)
    return report.Findings(most, paced, memory, sealing, loading, told)


def _fill(dataset: Dataset) -> None:
    """Keep stock, by the service's own API and in the peers' own tables."""
    with running(sokho(SOKHO, dataset), dataset.folder) as server:
        receive(server.contender, dataset)
    asyncio.run(keep_stock(dataset))


if __name__ == "__main__":
    main()
