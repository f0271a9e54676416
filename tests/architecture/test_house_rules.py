"""Rules of the house that no linter knows."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sokho
import sokho.modules
from sokho.core.domain.errors import DomainError
from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import TENANT, Statement, metadata
from sokho.modules.api_keys.infrastructure import postgres_repo as keys_repo
from sokho.modules.audit.infrastructure import postgres_repo as audit_repo
from sokho.modules.items.infrastructure import postgres_repo as items_repo
from sokho.modules.items.infrastructure.conversion_statements import conversions_statement
from sokho.modules.locations.infrastructure import postgres_repo as locations_repo
from sokho.modules.units.infrastructure import postgres_repo as units_repo

SOURCE = Path(sokho.__file__).parent


def modules_under(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if ".versions." not in found.name and not found.name.endswith(".env"):
            yield found.name


def every_error() -> list[type[DomainError]]:
    for name in modules_under("sokho"):
        importlib.import_module(name)
    found, pending = [], [DomainError]
    while pending:
        children = pending.pop().__subclasses__()
        pending += children
        found += [child for child in children if "code" in vars(child) or "text" in vars(child)]
    return found


def calls_in(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield function.attr, node.lineno
            elif isinstance(function, ast.Name):
                yield function.id, node.lineno


class TestErrors:
    def test_each_speaks_both_languages(self):
        errors = every_error()
        assert len(errors) > 10
        for error in errors:
            assert error.text.vi, error
            assert error.text.en, error
            assert error.text.vi != error.text.en, error

    def test_codes_are_stable_words(self):
        for error in every_error():
            assert error.code.replace("_", "").isalpha(), error
            assert error.code.islower(), error


class TestTransactions:
    @pytest.mark.parametrize("name", ["commit", "rollback", "gather", "unbound"])
    def test_modules_neither_end_nor_bypass_the_transaction(self, name: str):
        allowed = {"unbound": {"tenants/infrastructure/postgres_repo.py"}}.get(name, set())
        found = {
            path.relative_to(SOURCE / "modules").as_posix()
            for path in (SOURCE / "modules").rglob("*.py")
            if name in {call for call, _ in calls_in(path)}
        }
        assert found == allowed

    def test_the_tenant_is_bound_in_one_place(self):
        naming = {
            path.relative_to(SOURCE / "core/infrastructure/database").as_posix()
            for path in SOURCE.rglob("*.py")
            if "TENANT_SETTING" in path.read_text() or "app.current_tenant" in path.read_text()
        }
        checks = "isolation/target.py"  # by which name the check looks for the binding
        assert naming == {"policies.py", "statements.py", "transaction.py", checks}

    def test_every_statement_of_a_module_names_the_tenant(self):
        statements = list(every_statement())
        assert len(statements) >= 10
        # A business's own row, whose id is the tenant.
        exempt = {"tenants._CREATE"}
        without = {
            name
            for name, statement in statements
            if not {TENANT.key, "tenant_id"} & set(statement._names)
        }
        assert without == exempt


def from_msgspec(source: str) -> set[str]:
    """Return what a module takes from msgspec."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names if each.name.startswith("msgspec")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("msgspec"):
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


class TestEntities:
    def test_take_structs_from_msgspec_and_nothing_that_reads_or_writes_formats(self):
        allowed = {"msgspec.Struct", "msgspec.field", "msgspec.structs.replace"}
        met = set()
        for path in SOURCE.rglob("domain/*.py"):
            taken = from_msgspec(path.read_text())
            assert taken <= allowed, path
            met |= taken
        assert met == allowed

    @pytest.mark.parametrize(
        "line",
        [
            "import msgspec",
            "import msgspec.json",
            "from msgspec import json",
            "from msgspec.json import encode",
        ],
    )
    def test_would_be_caught_with_anything_else(self, line: str):
        assert not from_msgspec(line) <= {"msgspec.Struct"}
        assert from_msgspec(line)


def every_statement() -> Iterator[tuple[str, Statement]]:
    for name in modules_under("sokho.modules"):
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if isinstance(value, Statement):
                yield f"{name.split('.')[2]}.{attribute}", value


class TestTaste:
    def test_a_file_is_no_longer_than_a_reader_can_hold(self):
        long = {path for path in SOURCE.rglob("*.py") if len(path.read_text().splitlines()) > 400}
        assert not long

    def test_rooms_have_no_lumber(self):
        lumber = {"utils", "helpers", "common", "base", "manager", "misc"}
        names = {path.stem for path in SOURCE.rglob("*")}
        assert not lumber & names

    def test_modules_know_no_status_codes_of_errors(self):
        for path in (SOURCE / "modules").rglob("*.py"):
            assert "HTTPException" not in path.read_text(), path


class TestPredicate:
    """Row-level security is the floor; each table of a statement names the tenant as well."""

    def test_stands_on_every_table_of_every_list(self):
        conditions = frozenset(items_repo._CONDITIONS)
        subsets = [frozenset(), *(frozenset({name}) for name in conditions), conditions]
        for field in items_repo._ORDER_BY:
            for descending in (False, True):
                for subset in subsets:
                    for resumed in (False, True):
                        sort = Sort(field, descending=descending)
                        statement = items_repo._list_statement(subset, sort, resumed=resumed)
                        tables = statement.text.count("FROM item")
                        assert tables == (2 if "tag" in subset else 1)
                        assert statement.text.count("tenant_id = $") == tables, statement.text

    def test_stands_on_every_list_of_locations(self):
        conditions = frozenset(locations_repo._CONDITIONS)
        for field in locations_repo._ORDER_BY:
            for subset in (
                frozenset[str](),
                *(frozenset({name}) for name in conditions),
                conditions,
            ):
                for resumed in (False, True):
                    statement = locations_repo._list_statement(subset, Sort(field), resumed=resumed)
                    assert statement.text.count("FROM locations") == 1
                    assert statement.text.count("tenant_id = $") == 1, statement.text

    @pytest.mark.parametrize(
        "make", [units_repo._list_statement, conversions_statement, keys_repo._list_statement]
    )
    def test_stands_on_the_table_of_every_other_list(self, make: Callable[..., Statement]):
        for descending in (False, True):
            for resumed in (False, True):
                text = make(descending=descending, resumed=resumed).text
                assert text.count("FROM") == text.count("tenant_id = $") == 1, text

    def test_stands_on_both_tables_of_the_list_of_events(self):
        conditions = frozenset(audit_repo._CONDITIONS)
        for subset in (frozenset[str](), conditions):
            for descending in (False, True):
                for resumed in (False, True):
                    text = audit_repo._list_statement(
                        subset, descending=descending, resumed=resumed
                    ).text
                    assert "events.tenant_id = $" in text
                    assert "actors.tenant_id = $" in text

    def test_is_looked_for_in_every_statement_that_is_made_for_a_query(self):
        made = {
            f"{name.split('.')[2]}.{attribute}"
            for name in modules_under("sokho.modules")
            for attribute, value in vars(importlib.import_module(name)).items()
            if getattr(value, "__annotations__", {}).get("return") is Statement
            and value.__module__ == name
        }
        assert made == {
            *("items._list_statement", "items.conversions_statement", "units._list_statement"),
            *("api_keys._list_statement", "audit._list_statement", "locations._list_statement"),
            *("stock.heads_statement", "stock.documents_statement"),
            "stock.faulty_moves_statement",
            *("stock.levels_statement", "stock.card_statement", "stock.transactions_statement"),
            "stock.reservations_statement",
            *("stock.counts_statement", "stock.sheet_statement", "stock.differing_statement"),
        }

    def test_stands_on_every_table_of_every_other_statement(self):
        tables = "|".join(metadata.tables)
        for name, statement in every_statement():
            reads = re.findall(rf"(?:FROM|UPDATE|USING|JOIN) ({tables})\b", statement.text)
            named = re.findall(r"\b(?:tenant_id|tenants\.id) = \$", statement.text)
            assert len(named) >= len(set(reads)), (name, statement.text)
