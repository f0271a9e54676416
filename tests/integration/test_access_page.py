"""What the users' pages on access say is run as it stands there, and is complete."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.application.dto import ApiKeyResponse
from sokho.modules.audit.application.dto import AuditEventResponse
from sokho.modules.tenants.application.dto import TenantUpdate
from tests.integration.command_line import Cli
from tests.integration.documents import (
    assert_shown_answers_are_true,
    blocks,
    form,
    headings,
    problems_documented,
    problems_told,
    run,
)
from tests.integration.test_serving import Service

ROOT: Final = Path(__file__).parents[2]
ENGLISH: Final = (ROOT / "docs/en/access.md").read_text()
VIETNAMESE: Final = (ROOT / "docs/vi/access.md").read_text()

each_page = pytest.mark.parametrize("text", [ENGLISH, VIETNAMESE], ids=["en", "vi"])
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the calls are curl's")

# What the calls of each block answer; the command line answers no status.
CALLS: Final[list[tuple[str, list[int]]]] = [
    ("names for the calls", []),
    ("open", [201]),
    ("list", [200, 200]),
    ("suspend", [200, 403]),
    ("resume", [200, 200]),
    ("command line", []),
    ("change the business", [200, 200]),
    ("key with a role", [201]),
    ("key with scopes", [201]),
    ("grant what one does not hold", [201, 403]),
    ("rotate", [201, 200]),
    ("revoke", [204, 401]),
    ("revoke the last", [200, 409]),
    ("an event", [201, 200, 200]),
    ("follow", [200, 200]),
    ("erase", [200]),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sokho-access-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def operator_key(folder: Path) -> tuple[str, str]:
    """An operator's key and its hash, made by the page's own command."""
    made = Cli(SOKHO_DATA_DIR=str(folder)).json("operator-key", "create")
    assert isinstance(made, dict)
    return made["operator_key"], made["hash"]


@pytest.fixture(scope="module")
def service(folder: Path, operator_key: tuple[str, str]) -> Iterator[Service]:
    """The service with the operator's key, started as the page says."""
    make = ("make", "--no-print-directory", "-C", str(ROOT), "run")
    with Service(folder, command=make, SOKHO_OPERATOR_KEY_HASH=operator_key[1]) as service:
        yield service


@needs_curl
class TestAccessPage:
    # In one test a language: the calls wait for the five seconds of a remembered key.
    @each_page
    def test_calls_answer_what_is_said_and_shown(
        self, service: Service, folder: Path, operator_key: tuple[str, str], text: str
    ):
        answers = run(
            blocks(text, "sh"),
            service,
            service.keys[0],
            OPERATOR_KEY=operator_key[0],
            SOKHO_DATA_DIR=str(folder),
            SOKHO_LANG="en",
        )
        assert [answer.statuses for answer in answers] == [statuses for _, statuses in CALLS]
        assert_shown_answers_are_true(text, answers)
        by_name = dict(zip((name for name, _ in CALLS), answers, strict=True))
        assert "suspended" in by_name["command line"].output
        assert by_name["change the business"].body["settings"] == {"máy in": "quầy 1"}
        followed = [
            event["id"]
            for line in by_name["follow"].output.split("\n")
            if line.startswith("[")
            for event in json.loads(line)
        ]
        assert by_name["an event"].body[0]["id"] == followed[-1]
        assert len(followed) == len(set(followed)) > 10
        erased = by_name["erase"].body
        assert [event["type"] for event in erased] == ["item.created", "item.updated"]
        assert {event["on_behalf_of"] for event in erased} == {None}

    @each_page
    def test_names_every_problem(self, service: Service, text: str):
        ours = ("/v1/admin", "/v1/tenant", "/v1/api-keys", "/v1/audit-events")
        assert problems_told(text) == problems_documented(service, *ours)


class TestTables:
    @each_page
    def test_roles_have_the_scopes_of_the_code(self, text: str):
        heading, _, *rows = next(
            table.splitlines()
            for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
            if "`owner`" in table
        )
        roles = [Role(name) for name in re.findall(r"`(\w+)`", heading)]
        told: dict[Role, set[Scope]] = {role: set() for role in roles}
        for row in rows:
            scope, *marks = (cell.strip() for cell in row.strip("|").split("|"))
            for role, mark in zip(roles, marks, strict=True):
                assert mark in {"✓", ""}
                if mark:
                    told[role].add(Scope(scope.strip("`")))
        assert told == {role: set(role.scopes) for role in Role}
        assert len(rows) == len(Scope)

    @pytest.mark.parametrize("role", Role)
    def test_roles_are_called_as_the_code_calls_them(self, role: Role):
        assert f"`{role}`: {role.label.vi}" in VIETNAMESE

    @each_page
    def test_every_field_is_told(self, text: str):
        tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
        told = [re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) for table in tables]
        assert list(TenantUpdate.model_fields) in told
        assert list(AuditEventResponse.model_fields) in told
        unsaid = {"id", "tenant_id", "created_at"}
        assert [name for name in ApiKeyResponse.model_fields if name not in unsaid] in told

    @each_page
    def test_every_type_of_event_is_told(self, text: str):
        of_code = set()
        for file in (ROOT / "src/sokho/modules").rglob("*.py"):
            source = file.read_text()
            for done, kind in re.findall(r'\b(created|updated|deleted)\("(\w+)"', source):
                of_code.add(f"{kind}.{done}")
            of_code |= set(
                re.findall(r'"((?:tenant|api_key|item|unit|stock|actor)\.[a-z_]+)"', source)
            )
        rows = re.findall(r"^\| (`\w+\.\w+`.*?) \|", text, flags=re.MULTILINE)
        assert set(re.findall(r"`([\w.]+)`", " ".join(rows))) == of_code


class TestBothLanguages:
    def test_show_the_same_calls_in_the_same_places(self):
        assert form(ENGLISH) == form(VIETNAMESE)

    @each_page
    def test_links_lead_to_a_heading(self, text: str):
        folder = ROOT / ("docs/en" if text is ENGLISH else "docs/vi")
        for path, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
            target = (folder / path).read_text() if path else text
            anchors = {head.lstrip("# ").lower().replace(" ", "-") for head in headings(target)}
            assert anchor in anchors, (path, anchor)
