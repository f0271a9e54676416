"""`pgbench` with the SQL of an operation: what the machine allows where nobody speaks HTTP."""

import re
import subprocess
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Final

from benchmarks.dataset import Dataset
from benchmarks.load import Measurement
from benchmarks.operations import (
    CONNECTIONS,
    CREATE,
    FILTER,
    GET,
    HOT,
    HOT_ALONE,
    LIST,
    MOVE,
    PATCH,
    stocked,
)
from benchmarks.processes import cpu_seconds, family
from sokho.core.infrastructure.embedded_postgres.binaries import find_binaries
from sokho.core.infrastructure.embedded_postgres.unprivileged import server_user

ONE_TRIP: Final = "pgbench, one trip"
TRIPS: Final = "pgbench, each step a trip"
SAME_ROWS: Final = "pgbench, the same rows"
"""As `TRIPS`, with as many rows as Sokho writes: of the operations to which Sokho adds some."""

NAMES: Final = (SAME_ROWS, TRIPS, ONE_TRIP)

_SCRIPTS: Final = Path(__file__).parent / "peers" / "pgbench"
_FILES: Final = {ONE_TRIP: "one-trip", TRIPS: "trips", SAME_ROWS: "same-rows"}
_OF_OPERATION: Final = {
    GET: "get",
    LIST: "list",
    FILTER: "filter",
    CREATE: "create",
    PATCH: "patch",
    **dict.fromkeys((MOVE, HOT_ALONE, HOT), "move"),
}
_CLIENTS: Final = 10  # the connections that each server may have
_PAGES: Final = 4
_ENDING_SECONDS: Final = 1.0

# Numbers are all that a script has: ids are counted, so a number names one.
_COUNTED: Final = "('{first}-0000-7000-8000-' || lpad(to_hex(:{name}::bigint), 12, '0'))"
_REPLACED: Final = {
    "{tenant}": _COUNTED.format(first="019a0000", name="tenant"),
    "{item}": _COUNTED.format(first="019b0000", name="item"),
    "{location}": _COUNTED.format(first="019c0000", name="tenant"),
    "{columns}": "id, tenant_id, sku, name, description, unit, barcode, status, tags, attributes, "
    "version, created_at, updated_at",
    "{new}": "'Bu lông lục giác M8×40 inox 304', NULL, 'cái', '8934563138165', 'active', '{}', "
    """'{"chất liệu": "inox 304", "đường kính mm": 8}', 1, now(), now()""",
}


def contestants(operation: str) -> list[str]:
    """Return those that have a script for an operation."""
    if operation not in _OF_OPERATION:
        return []
    return [name for name in _FILES if (_SCRIPTS / _script(name, operation)).exists()]


def _script(name: str, operation: str) -> str:
    return f"{_OF_OPERATION[operation]}.{_FILES[name]}.sql"


def run(name: str, operation: str, dataset: Dataset, *, seconds: float) -> Measurement:
    """Run one of an operation's `contestants`; raises `SystemExit` where it fails."""
    script = dataset.folder / _script(name, operation)
    text = (_SCRIPTS / script.name).read_text("utf-8")
    for placeholder, replacement in _REPLACED.items():
        text = text.replace(placeholder, replacement)
    script.write_text(text, "utf-8")
    is_hot = operation in {HOT, HOT_ALONE}
    tenant = dataset.tenants[0]
    values = {
        "tenants": 1 if is_hot else len(dataset.tenants),
        "items": len(tenant.item_ids),
        "pages": min(_PAGES, len(tenant.item_ids) // 50 - 1),
        "first": 1 if is_hot else 2,
        "last": 1 if is_hot else len(stocked(tenant)) - 1,
    }
    command: list[str | Path] = [find_binaries(server_user()).folder / "pgbench"]
    command += ["--no-vacuum", "--protocol=prepared", "--jobs=1", f"--time={round(seconds)}"]
    command += [f"--client={min(CONNECTIONS[operation], _CLIENTS)}", f"--file={script}"]
    command += [f"--define={each}={value}" for each, value in values.items()]
    lived = {*family(dataset.postmaster)}
    before = _cpu_seconds(dataset)
    ran = subprocess.run(
        [*command, dataset.urls.app],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    rate = re.search(r"^tps = ([0-9.]+) ", ran.stdout, re.MULTILINE)
    done = re.search(r"^number of transactions actually processed: (\d+)", ran.stdout, re.MULTILINE)
    if ran.returncode or rate is None or done is None:
        raise SystemExit(f"{name}, {operation}: {ran.stdout}{ran.stderr}")
    _wait_until_gone(dataset.postmaster, lived)
    used = (end - begin for begin, end in zip(before, _cpu_seconds(dataset), strict=True))
    own, database = (seconds / int(done[1]) * 1e6 for seconds in used)
    return Measurement(float(rate[1]), cpu_microseconds=own, database_microseconds=database or None)


def _wait_until_gone(postmaster: int, lived: set[int]) -> None:
    """Wait for the sessions to end: until then PostgreSQL does not count what they have used.

    What goes on beside them, such as a vacuum, is not waited for long.
    """
    deadline = time.monotonic() + _ENDING_SECONDS
    while {*family(postmaster)} - lived and time.monotonic() < deadline:
        time.sleep(0.02)


def _cpu_seconds(dataset: Dataset) -> tuple[float, float]:
    """Return the CPU time of the programs that were run so far, and of PostgreSQL."""
    own = getrusage(RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, cpu_seconds(dataset.postmaster) or 0.0
