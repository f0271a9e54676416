"""The fenced blocks of a document, and their calls, run as a reader would run them."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.test_serving import Service

# The status of each call goes to standard error, one a line; what the reader sees stays as it is.
_CURL: Final = "curl() { command curl \"$@\" -w '\\n%{stderr}%{http_code}\\n'; }"
_END: Final = "=== end of block ==="
_END_OF_BLOCK: Final = f"echo '{_END}'; echo '{_END}' >&2"

_OF_ONE_RUN: Final = {
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "<id>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z": "<time>",
    r"(BIA|KHO|KE)-\d{3,}": "<code>",
    r"(PN|PX|CK|DC)-\d{4}-\d{6}": "<number>",
    r"sokho_[0-9a-f]{32}_(…|[0-9a-f]{32}_[0-9A-Za-z]{49})": "<key>",
}


@dataclass(frozen=True)
class Answers:
    """What the calls of one block answered."""

    statuses: list[int]
    output: str

    @property
    def body(self) -> Any:
        """The JSON of the last call."""
        return json.loads(self.output.rpartition("\n")[2])


def fences(text: str) -> list[tuple[str, str]]:
    """Return each fenced block with its kind, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def blocks(text: str, kind: str) -> list[str]:
    return [content for found, content in fences(text) if found == kind]


def headings(text: str) -> list[str]:
    """Return the headings, not the comments of a shell."""
    without = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ .*", without, flags=re.MULTILINE)


def names_in_table(text: str, title: str) -> list[str]:
    """Return the names in the first column of the tables below a heading."""
    section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)


def form(text: str) -> tuple[object, ...]:
    """Return what a page has in common with the same page in the other language."""
    calls = re.sub("Accept-Language: (en|vi)", "", "".join(blocks(text, "sh")))
    kinds = [kind for kind, _ in fences(text)]
    levels = [heading.index(" ") for heading in headings(text)]
    return calls, kinds, levels, len(re.findall(r"^\|", text, flags=re.MULTILINE))


def problems_told(text: str) -> set[tuple[int, str]]:
    """Return status and code of each problem in a page's table."""
    told = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", text, flags=re.MULTILINE)
    return {(int(status), code) for status, code in told}


def problems_documented(service: Service, *paths: str) -> set[tuple[int, str]]:
    """Return status and code of each problem of the operations below some paths."""
    # What no operation tells of itself: told before its route is known.
    documented = {(405, "method_not_allowed"), (431, "request_header_fields_too_large")}
    for path, operations in service.http.get("/openapi.json").json()["paths"].items():
        for operation in operations.values() if path.startswith(paths) else ():
            for status, answer in operation["responses"].items():
                problem = answer.get("content", {}).get("application/problem+json", {})
                documented |= {(int(status), code) for code in problem.get("examples", ())}
    return documented


def assert_shown_answers_are_true(text: str, answers: Sequence[Answers]) -> None:
    """Compare each answer that a page shows with that of the calls above it."""
    following = iter(answers)
    answer = None
    for kind, content in fences(text):
        if kind == "sh":
            answer = next(following)
        elif kind == "json":
            assert answer is not None
            assert lasting(json.loads(content)) == lasting(answer.body)


def run(calls: Sequence[str], service: Service, key: str, **environment: str) -> list[Answers]:
    """Run the blocks one after another in one shell; a command that fails ends them all.

    They run in the project's folder, where ``.venv/bin/sokho`` is.
    """
    script = "\n".join([_CURL, *(f"{block}\n{_END_OF_BLOCK}" for block in calls)])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"SOKHO_URL": str(service.http.base_url), "KEY": key, **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    outputs, statuses = done.stdout.split(_END)[:-1], done.stderr.split(_END)[:-1]
    return [
        Answers([int(status) for status in told.split()], output.strip())
        for told, output in zip(statuses, outputs, strict=True)
    ]


def lasting(value: object) -> Any:
    """Return JSON without what is of one run alone: ids, times, made-up SKUs."""
    text = json.dumps(value, ensure_ascii=False)
    for pattern, name in _OF_ONE_RUN.items():
        text = re.sub(pattern, name, text)
    return json.loads(text)
