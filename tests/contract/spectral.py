"""Spectral on the served document: ``make contract``, since it needs Node.

Prints one JSON object of figures and exits with 1 if a rule of contract/.spectral.yaml is broken,
or if it does not see what is planted.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from tests.contract.released import served_document

FOLDER: Final = Path(__file__).parents[2] / "contract"

Document = dict[str, Any]


def broken_rules(document: Document) -> set[str]:
    """Return the rules that a document breaks, warnings and hints included."""
    with tempfile.TemporaryDirectory(prefix="sokho-spectral-") as name:
        file = Path(name) / "openapi.json"
        file.write_text(json.dumps(document))
        ended = subprocess.run(
            [
                *("node_modules/.bin/spectral", "lint", str(file), "--ruleset", ".spectral.yaml"),
                *("--fail-severity", "hint", "--format", "json", "--quiet"),
            ],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode not in {0, 1}:
        raise RuntimeError(ended.stdout + ended.stderr)
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    assert bool(found) == bool(ended.returncode)
    return {str(each["code"]) for each in found}


def _units(document: Document) -> Document:
    found: Document = document["paths"]["/v1/units"]["get"]
    return found


PLANTED: Final[Mapping[str, Callable[[Document], object]]] = {
    "operation-operationId": lambda document: _units(document).pop("operationId"),
    "oas3-schema": lambda document: _units(document)["parameters"][0].pop("in"),
    "owasp:api2:2023-read-restricted": lambda document: _units(document).update(security=[]),
    "owasp:api4:2023-string-limit": lambda document: document["components"]["schemas"].update(
        Boundless={"type": "string"}
    ),
    "quota-of-the-key-is-told": lambda document: _units(document)["responses"]["200"][
        "headers"
    ].pop("RateLimit"),
    "owasp:api8:2023-define-error-responses-401": lambda document: _units(document)[
        "responses"
    ].pop("401"),
}
"""Faults of both rule sets, by the rule that is to see them."""


def _main() -> int:
    document = served_document()
    broken = broken_rules(document)
    unseen = []
    for rule, plant in PLANTED.items():
        faulty = deepcopy(document)
        plant(faulty)
        if rule not in broken_rules(faulty):
            unseen.append(rule)
    figures = {"broken": sorted(broken), "planted": len(PLANTED), "unseen": unseen}
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if broken or unseen else 0


if __name__ == "__main__":
    sys.exit(_main())
