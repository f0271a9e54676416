"""``sokho check ledger``, run as its user runs it, on a database of its own."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from sokho.cli import checks
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from tests.conftest import SECRET
from tests.integration.command_line import Cli
from tests.integration.ledger import Ledger


@pytest.fixture
def cli(scratch: DatabaseUrls, tmp_path: Path) -> Cli:
    return Cli(
        SOKHO_DATABASE_URL=scratch.app,
        SOKHO_WORKER_DATABASE_URL=scratch.worker,
        SOKHO_SECRET=SECRET,
        SOKHO_DATA_DIR=str(tmp_path / "data"),
    )


@pytest.fixture
async def ledgers(
    scratch: DatabaseUrls, derived_keys: DerivedKeys
) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """Two businesses with two moves each."""
    database = Database(scratch.app, pool_size=1)
    both = []
    for _ in range(2):
        ledger = await Ledger.opened(database, scratch.admin, derived_keys, items="A", bins="")
        await ledger.post("receipt", ("A", "2", None, "KHO"), ("A", "3", None, "KHO"), note="1")
        both.append(ledger)
    yield (both[0], both[1])
    await database.close()


class TestCheckLedger:
    async def test_goes_through_every_business(self, cli: Cli, ledgers: tuple[Ledger, Ledger]):
        proven = {"moves": 2, "complete": True, "findings": []}
        told = [{"tenant_id": str(ledger.tenant_id), **proven} for ledger in ledgers]
        assert cli.json("check", "ledger") == told
        answer = cli("check", "ledger", SOKHO_LANG="vi")
        assert answer.returncode == 0
        assert "2 doanh nghiệp, 4 biến động" in answer.stdout

    async def test_names_invariant_table_and_row_with_exit_code_1(
        self, cli: Cli, ledgers: tuple[Ledger, Ledger]
    ):
        right, wrong = ledgers
        id = await wrong.as_superuser(
            "UPDATE stock_transactions SET note = '2' WHERE tenant_id = $1 RETURNING id"
        )
        answer = cli("check", "ledger", "--json")
        assert answer.returncode == 1
        by_tenant = {each["tenant_id"]: each for each in json.loads(answer.stdout)}
        assert by_tenant[str(right.tenant_id)]["findings"] == []
        assert by_tenant[str(wrong.tenant_id)]["findings"] == [
            {
                "invariant": "I5",
                "code": "document_changed",
                "table": "stock_transactions",
                "row": str(id),
            }
        ]
        for language, sentence in (("vi", "không còn như khi ghi sổ"), ("en", "not what was")):
            answer = cli("check", "ledger", SOKHO_LANG=language)
            assert answer.returncode == 1
            for told in (wrong.tenant_id, "I5", "stock_transactions", id, sentence):
                assert str(told) in answer.stdout
            assert str(right.tenant_id) not in answer.stdout
        assert cli("check", "ledger", "--tenant", str(right.tenant_id)).returncode == 0
        assert cli("check", "ledger", "--tenant", str(wrong.tenant_id)).returncode == 1

    async def test_another_secret_is_told(self, cli: Cli, ledgers: tuple[Ledger, Ledger]):
        owner = ("--tenant", str(ledgers[0].tenant_id))
        answer = cli("check", "ledger", *owner, SOKHO_SECRET="x" * 32, SOKHO_LANG="en")
        assert answer.returncode == 1
        assert "another SOKHO_SECRET" in answer.stdout

    async def test_says_that_it_lists_no_more(
        self, cli: Cli, ledgers: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(checks, "MOST_FINDINGS", 1)
        await ledgers[0].as_superuser(
            "UPDATE stock_balances SET on_hand = 9, seq = 9 WHERE tenant_id = $1"
        )
        answer = cli("check", "ledger", SOKHO_LANG="en")
        assert answer.returncode == 1
        assert f"The business {ledgers[0].tenant_id} has more findings" in answer.stdout

    def test_what_could_not_run_is_exit_code_2(self, cli: Cli):
        away = "postgresql://sokho_app:x@127.0.0.1:1/sokho"
        of_one = ("check", "ledger", "--tenant", str(uuid4()))
        assert cli(*of_one, SOKHO_DATABASE_URL=away).returncode == 2
        assert cli("check", "ledger", SOKHO_WORKER_DATABASE_URL=away).returncode == 2
        assert cli("check", "ledger", SOKHO_WORKER_DATABASE_URL="").returncode == 2

    def test_a_business_that_does_not_exist_is_told(self, cli: Cli):
        answer = cli("check", "ledger", "--tenant", str(uuid4()))
        assert answer.returncode == 2
        assert "doanh nghiệp" in answer.stderr
        assert answer.stdout == ""
