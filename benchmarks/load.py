"""The load: three operations, and `wrk` that puts them on a server."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import httpx2

from benchmarks.dataset import Tenant
from benchmarks.servers import Contender, Running

CONNECTIONS: Final = 32
PAGE: Final = 50
GET: Final = "get by id"
LIST: Final = f"list of {PAGE}"
CREATE: Final = "create"
MOVE: Final = "one-line movement"
HOT: Final = "movement of one SKU"
OPERATIONS: Final = (GET, LIST, CREATE, MOVE)

_REPLAY: Final = Path(__file__).with_name("replay.lua")
_GETS_OF_A_TENANT: Final = 100
_PAGES_OF_A_TENANT: Final = 5
PATH: Final = "/v1/items"
MOVEMENTS: Final = "/v1/stock/transactions"
NEW: Final = {
    "sku": "NEW-{n}",
    "name": "Bu lông lục giác M8×40 inox 304",
    "unit": "cái",
    "barcode": "8934563138165",
    "attributes": {"chất liệu": "inox 304", "đường kính mm": 8},
}

_turns: Final = count(1)


@dataclass(frozen=True)
class Measurement:
    """What one turn on one server gave."""

    requests_per_second: float
    p99_milliseconds: float
    cpu_microseconds: float | None
    """CPU of the server process for one request, the database's not in it."""


def require_wrk() -> str:
    """Return the path of `wrk`, or tell how to get it and exit."""
    found = shutil.which("wrk")
    if found is None:
        print("wrk is needed: `apt-get install wrk` or `brew install wrk`.", file=sys.stderr)
        raise SystemExit(2)
    return found


def write_requests(contender: Contender, tenants: list[Tenant], folder: Path) -> dict[str, Path]:
    """Write each operation's requests to a file, and see that the server answers them."""
    chance = random.Random(0)
    lines: dict[str, list[str]] = {operation: [] for operation in (*OPERATIONS, HOT)}
    with httpx2.Client(base_url=contender.url) as client:
        for tenant in tenants:
            header, value = contender.credentials(tenant)
            chosen = chance.sample(tenant.item_ids, min(_GETS_OF_A_TENANT, len(tenant.item_ids)))
            paths = {
                GET: [f"{PATH}/{item_id}" for item_id in chosen],
                LIST: _pages(contender, tenant, client),
            }
            for operation, of_operation in paths.items():
                lines[operation] += [f"GET\t{path}\t{header}\t{value}\t\t" for path in of_operation]
                client.get(of_operation[0], headers={header: value}).raise_for_status()
            body = json.dumps(NEW, ensure_ascii=False)
            lines[CREATE].append(f"POST\t{PATH}\t{header}\t{value}\t{body}\t")
            if not contender.moves:
                continue
            moves = [
                f"POST\t{MOVEMENTS}\t{header}\t{value}\t{json.dumps(issue(tenant, item))}\tkey"
                for item in chosen
            ]
            if contender.wants_key:
                _stock(tenant, chosen, client)
            lines[MOVE] += moves
            lines[HOT] = moves[:1]
    files = {}
    for operation, of_operation in lines.items():
        if not of_operation:
            continue
        chance.shuffle(of_operation)
        path = files[operation] = folder / f"{contender.port}-{operation.replace(' ', '-')}"
        path.write_text("\n".join(of_operation) + "\n", "utf-8")
    return files


def measure(
    server: Running, wrk: str, requests: Path, *, seconds: float, connections: int = CONNECTIONS
) -> Measurement:
    """Load one server for a few seconds; exits when it does not answer everything well."""
    before = server.cpu_seconds()
    command = [
        *(wrk, "--threads=1", f"--connections={connections}", f"--duration={round(seconds)}s"),
        *(f"--script={_REPLAY}", server.contender.url, "--", str(requests), str(next(_turns))),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    after = server.cpu_seconds()
    told = json.loads(ran.stdout.rstrip().rpartition("\n")[2])
    if told["failed"] or not told["requests"]:
        raise SystemExit(f"{server.contender.name}, {requests.name}: {ran.stdout}")
    cpu = None
    if before is not None and after is not None:
        cpu = (after - before) / told["requests"] * 1e6
    return Measurement(told["requests"] / told["seconds"], told["p99_ms"], cpu)


def issue(tenant: Tenant, item: UUID) -> dict[str, object]:
    """Return a document of one line, that takes one piece from the warehouse."""
    place = str(tenant.location_id)
    line = {"item_id": str(item), "quantity": "1", "from_location_id": place}
    return {"type": "issue", "lines": [line]}


def _stock(tenant: Tenant, items: list[UUID], client: httpx2.Client) -> None:
    """Receive what no load here uses up."""
    place = str(tenant.location_id)
    lines = [
        {"item_id": str(item), "quantity": "1000000000", "to_location_id": place} for item in items
    ]
    headers = {"Authorization": f"Bearer {tenant.api_key}", "Idempotency-Key": "opening"}
    document = {"type": "receipt", "lines": lines}
    client.post(MOVEMENTS, json=document, headers=headers).raise_for_status()


def _pages(contender: Contender, tenant: Tenant, client: httpx2.Client) -> list[str]:
    """Return pages behind a cursor: Sokho's are signed, the peers take an id."""
    starts = tenant.item_ids[PAGE - 1 :: PAGE][:_PAGES_OF_A_TENANT]
    if not contender.wants_key:
        return [f"{PATH}?{urlencode({'limit': PAGE, 'after': start})}" for start in starts]
    header, value = contender.credentials(tenant)
    pages, page = [], f"{PATH}?limit={PAGE}"
    for _ in starts:
        answer = client.get(page, headers={header: value}).raise_for_status()
        if "next" not in answer.links:
            break
        page = answer.links["next"]["url"]
        pages.append(page)
    return pages
