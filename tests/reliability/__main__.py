"""Make the runs and write RELIABILITY.md: ``python -m tests.reliability`` (``make reliability``).

One line of JSON for each run and each control. The exit code is 1 where a promise does not
hold or a control does not fail. Everything runs on this machine and is removed at the end.
"""

import argparse
import json
import os
import signal
import sys

from tests.reliability.records import Record, line, record
from tests.reliability.report import REPORT, report
from tests.reliability.runs import RUNS


def main() -> None:
    options = _options()
    for name in [name for name in os.environ if name.startswith("SOKHO_")]:
        del os.environ[name]  # what is set here is not for the services of the runs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    records: list[Record] = []
    for run in RUNS:
        if not options.only or run.number in options.only:
            for made in record(run, options.seed):
                print(json.dumps(line(made, options.seed), ensure_ascii=False), flush=True)  # noqa: T201
                records.append(made)
    if not options.only:  # a part of the runs is no report
        REPORT.write_text(report(records, options.seed))
    sys.exit(0 if all(made.is_as_expected for made in records) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of all that is left to chance")
    numbers = list(dict.fromkeys(run.number for run in RUNS))
    parser.add_argument(
        "--only", nargs="+", choices=numbers, default=[], help="these runs, and write no report"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
