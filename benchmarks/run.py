"""Compare Sokho with its peers under load: ``python -m benchmarks.run`` (``make bench``).

Everything runs on this machine and is removed at the end. The servers take turns, so that
what else the machine does falls on all of them alike.
"""

import argparse
import signal
import sys
from contextlib import ExitStack

from benchmarks.dataset import Dataset, filled_database
from benchmarks.load import MOVE, OPERATIONS, Measurement, measure, require_wrk, write_requests
from benchmarks.report import Results, table, versions
from benchmarks.servers import contenders, running


def main() -> None:
    options = _options()
    wrk = require_wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    with filled_database(tenants=options.tenants, items=options.items) as dataset:
        results = _compare(dataset, wrk, options)
    print(f"\n{table(results)}\n\n{options.rounds} rounds of {options.seconds} s; {versions()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--items", type=int, default=1000, help="of each tenant, 100 or more")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each server in each round")
    options = parser.parse_args()
    for name, least in {"tenants": 1, "items": 100, "rounds": 1, "seconds": 1}.items():
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least}")
    return options


def _compare(dataset: Dataset, wrk: str, options: argparse.Namespace) -> Results:
    results: dict[tuple[str, str], list[Measurement]] = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(one, dataset.folder)) for one in contenders(dataset)]
        requests = {
            one.pid: write_requests(one.contender, dataset.tenants, dataset.folder)
            for one in servers
        }
        for operation in OPERATIONS:
            for number in range(options.rounds + 1):
                for one in servers:
                    if operation == MOVE and not one.contender.moves:
                        continue
                    file = requests[one.pid][operation]
                    measured = measure(one, wrk, file, seconds=options.seconds)
                    name = one.contender.name
                    shown = "warm-up" if number == 0 else f"{measured.requests_per_second:.0f}/s"
                    print(f"{operation}, {number}/{options.rounds}, {name}: {shown}", flush=True)
                    if number > 0:
                        results.setdefault((operation, name), []).append(measured)
    return results


if __name__ == "__main__":
    main()
