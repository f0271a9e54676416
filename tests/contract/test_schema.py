"""Squawk finds nothing in the migrations, and pgrls nothing in the schema, but what is explained.

What pgrls may find stands in pgrls.toml.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from sokho.core.infrastructure.database.policies import tenant_predicate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.contract.migration_sql import migration_sql

ROOT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent

EXPLAINED: Final[Mapping[tuple[str, str], str]] = {
    ("0003", "prefer-bigint-over-smallint"): "decimals of a unit: 0 to 6, by a CHECK",
    ("0003", "adding-foreign-key-constraint"): "of a version before the first release",
    ("0003", "constraint-missing-not-valid"): (
        "validated at once, while the seal is open: row_security.validated_foreign_key"
    ),
    ("0004", "prefer-bigint-over-int"): "the size of a change: at most of a request, 1 MiB",
    ("0007", "prefer-bigint-over-smallint"): "a year, and the number of a line: 1 to 500",
    ("0010", "require-concurrent-index-creation"): "of a version before the first release",
    ("0014", "require-concurrent-index-creation"): "of a version before the first release",
    ("0014", "require-concurrent-index-deletion"): "of a version before the first release",
    ("0011", "prefer-bigint-over-int"): "a version that people make, one at a time",
    ("0009", "prefer-bigint-over-smallint"): "the number of a line: 1 to 500",
    ("0009", "adding-field-with-default"): "of a version before the first release",
    ("0009", "constraint-missing-not-valid"): "of a version before the first release",
    ("0009", "require-concurrent-index-creation"): "of a version before the first release",
    ("0013", "ban-drop-not-null"): "of a version before the first release",
}
"""What squawk finds in a migration and is meant so."""


def squawk(sql: str) -> set[str]:
    """Return the rules that `sql` breaks."""
    ended = subprocess.run(
        [BIN / "squawk", "--config", ROOT / ".squawk.toml", "--reporter", "json"],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return {each["rule_name"] for each in found}


async def execute(urls: DatabaseUrls, *statements: str) -> None:
    connection = await asyncpg.connect(urls.admin)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def pgrls(command: str, url: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return how pgrls ended, and what it found."""
    ended = subprocess.run(
        [BIN / "pgrls", command, *arguments, "--format", "json", "--database-url", url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, found


class TestMigrations:
    def test_break_no_rule_of_squawk(self):
        found = {
            (revision, rule) for revision, sql in migration_sql().items() for rule in squawk(sql)
        }
        assert found == EXPLAINED.keys()

    @pytest.mark.parametrize(
        ("statement", "rule"),
        [
            ("ALTER TABLE items ALTER COLUMN name TYPE varchar(9)", "changing-column-type"),
            ("ALTER TABLE items DROP COLUMN name", "ban-drop-column"),
            ("ALTER TABLE items RENAME COLUMN name TO title", "renaming-column"),
            ("ALTER TABLE items ADD COLUMN lot text NOT NULL", "adding-required-field"),
        ],
    )
    def test_that_do_are_found(self, statement: str, rule: str):
        assert rule in squawk(f"{migration_sql()['0004']}{statement};\n")

    def test_that_would_wait_for_a_lock_for_good_are_found(self):
        bounded = migration_sql()["0004"]
        assert "require-lock-timeout" in squawk(bounded.replace("SET LOCAL lock_timeout", "--"))


class TestSchema:
    def test_has_nothing_that_pgrls_finds(self, urls: DatabaseUrls):
        code, found = pgrls("lint", urls.admin)
        assert (code, found["violations"]) == (0, [])

    @pytest.mark.parametrize("mode", ["cross-tenant", "write"])
    def test_is_proven_to_keep_tenants_apart(self, urls: DatabaseUrls, mode: str):
        """By Z3, for whatever rows there may be; a table of tenants it cannot tell from others."""
        code, proof = pgrls("verify", urls.admin, "--mode", mode)
        verdicts = {table["table"]: table["verdict"] for table in proof["tables"]}
        assert code == 0
        assert verdicts.pop("public.tenants") == "unverified"
        assert set(verdicts.values()) == {"isolated"}

    async def test_that_keeps_them_not_apart_is_disproven(self, scratch: DatabaseUrls):
        await execute(
            scratch,
            "DROP POLICY tenant_floor ON items",
            f"ALTER POLICY tenant_access ON items USING ({tenant_predicate()} OR unit = 'cái')",
        )
        code, proof = pgrls("verify", scratch.admin, "--mode", "cross-tenant")
        verdicts = {table["table"]: table["verdict"] for table in proof["tables"]}
        assert (code, verdicts["public.items"]) == (1, "leak")

    @pytest.mark.parametrize(
        "breach",
        [
            "ALTER TABLE items DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE items NO FORCE ROW LEVEL SECURITY",
            "CREATE POLICY everything ON items FOR SELECT TO sokho_app USING (true)",
            "CREATE TABLE lots (tenant_id uuid NOT NULL, id uuid NOT NULL)",
        ],
    )
    async def test_that_is_broken_is_found(self, scratch: DatabaseUrls, breach: str):
        await execute(scratch, breach)
        code, _ = pgrls("lint", scratch.admin)
        assert code == 1
