"""Schemathesis against a service of its own, as schemathesis.toml says.

``python -m tests.contract.fuzzing --seed 7 --examples 200`` prints one JSON object of figures and
exits with 1 if anything was found.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.database.migrate import migrate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls, EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.conftest import OPERATOR_KEY, SECRET, settings_for
from tests.integration.command_line import SOKHO
from tests.integration.test_serving import Service

ROOT: Final = Path(__file__).parents[2]
_LONGEST_SECONDS: Final = 1_800
SERVE: Final = (str(SOKHO), "serve")


class StuckError(Exception):
    """Schemathesis came to no end; the message is what it has said, and where it stood."""


def fuzz(
    urls: DatabaseUrls,
    *arguments: str,
    seed: int,
    examples: int,
    command: tuple[str, ...] = SERVE,
    longest: float = _LONGEST_SECONDS,
) -> dict[str, Any]:
    """Serve `urls` by `command`, run Schemathesis with a new business, and return the figures.

    `never_accepted` are the operations that refused every request; `findings` names each kind
    of failure and its operations. Raises `StuckError` if the run has not ended within `longest`
    seconds; a request that is not answered is a finding (`request-timeout`).
    """
    environment = {
        "SOKHO_DATABASE_URL": urls.app,
        "SOKHO_WORKER_DATABASE_URL": urls.worker,
        "SOKHO_SECRET": SECRET,
        "SOKHO_OPERATOR_KEY_HASH": str(settings_for(urls).operator_hash()),
        "SOKHO_AUTH_FAILURES_PER_MINUTE": "0",  # wrong keys are shown on purpose
        "SOKHO_LOG_LEVEL": "info",  # it tells what was accepted
    }
    given = ("--seed", str(seed), "--max-examples", str(examples), *arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sokho-fuzzing-") as name:
        folder = Path(name)
        with Service(folder, command=command, SOKHO_DATA_DIR=name, **environment) as service:
            url = str(service.http.base_url)
            report = _schemathesis(url, _new_key(urls), folder, given, longest)
        figures = _figures(report, _accepted(folder / "stderr.txt"))
    return figures | {"seconds": round(time.monotonic() - began)}


def _new_key(urls: DatabaseUrls) -> str:
    async def open_one() -> str:
        database = Database(urls.app, pool_size=1)
        try:
            keys = DerivedKeys.from_secret(SECRET)
            return (await open_business(database, keys, "Cửa hàng để thử")).api_key
        finally:
            await database.close()

    return asyncio.run(open_one())


def _schemathesis(
    url: str, api_key: str, folder: Path, arguments: tuple[str, ...], longest: float
) -> dict[str, Any]:
    path = folder / "report.json"
    # It has no line of ours to measure the coverage of, and is slow enough.
    unmeasured = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    running = subprocess.Popen(
        [
            *(sys.executable, "-X", "faulthandler", "-m", "schemathesis.cli"),
            *("run", f"{url}/openapi.json"),
            *("--continue-on-failure", "--no-color"),
            *("--report", "json", "--report-json-path", str(path)),
            *arguments,
        ],
        cwd=ROOT,
        env=unmeasured | {"SOKHO_API_KEY": api_key, "SOKHO_OPERATOR_KEY": OPERATOR_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = "".join(running.communicate(timeout=longest))
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGABRT)  # faulthandler tells where its threads are
        raise StuckError("".join(running.communicate())) from None
    if not path.exists():
        raise RuntimeError(told)
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def _accepted(log: Path) -> set[str]:
    """Return the operations that the service answered with success, as its log tells."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return {
        f"{line['method']} {line['route']}"
        for line in lines
        if line["event"] == "request" and line["status"] < HTTPStatus.MULTIPLE_CHOICES
    }


def _figures(report: dict[str, Any], accepted: set[str]) -> dict[str, Any]:
    tested = set(report["valid_rates"])
    return {
        "seed": report["seed"],
        "schemathesis": report["schemathesis_version"],
        "operations": report["operations"]["total"],
        "tested": report["operations"]["tested"],
        "accepted": len(tested & accepted),
        "never_accepted": sorted(tested - accepted),
        "phases": {name: phase["status"] for name, phase in report["phases"].items()},
        "cases": report["test_cases"]["generated"],
        "failures": report["test_cases"]["unique_failures"],
        "errors": report["test_cases"]["errored"] + len(report["errors"]),
        "complete": report["complete"] and report["exit_code"] == 0,
        "findings": report["failures"],
    }


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sokho-fuzzing-") as name:
        Path(name).chmod(0o711)  # as root the server is another user, who must get in
        postgres = EmbeddedPostgres(Path(name) / "database")
        urls = postgres.start()
        try:
            migrate(admin_dsn=urls.admin, app_dsn=urls.app, worker_dsn=urls.worker)
            figures = fuzz(urls, seed=chosen.seed, examples=chosen.examples)
        finally:
            postgres.stop()
    sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
    return 0 if figures["complete"] else 1


if __name__ == "__main__":
    sys.exit(_main())
