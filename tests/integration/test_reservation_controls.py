"""What keeps a promise, taken away piece by piece: without all of it, goods are sold twice."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from sokho.core.infrastructure.database import ConstraintViolationError, Database
from sokho.core.infrastructure.database.housekeeping import Chore, Housekeeping
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.errors import InsufficientStockError
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.expiry import expire_reservations
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.stock.infrastructure.reservation_statements import FREE_EXPIRED
from tests.altered_function import ENTER, FINDS_SHORT, altering
from tests.integration.ledger import Ledger

_HOLD_NOW = "SELECT FROM stock_balances WHERE account_id = ANY ($1) FOR UPDATE NOWAIT"
_CHECK = "ALTER TABLE stock_balances DROP CONSTRAINT stock_balances_reserved_check"


@pytest.fixture
async def ledger(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Ledger]:
    """Ten of A at KHO, of which seven are reserved."""
    database = Database(scratch.app, pool_size=2)
    ledger = await Ledger.opened(database, scratch.admin, derived_keys, items="A", bins="B")
    await ledger.post("receipt", ("A", "10", None, "KHO"))
    await ledger.reserve(("A", "7", "KHO"))
    yield ledger
    await database.close()


class TestPromise:
    async def test_is_kept_by_the_rule(self, ledger: Ledger):
        with pytest.raises(InsufficientStockError):
            await ledger.post("issue", ("A", "4", "KHO", None))
        with pytest.raises(InsufficientStockError):
            await ledger.reserve(("A", "4", "KHO"))
        assert await ledger.findings() == set()

    async def test_is_kept_by_the_database_where_the_rule_fails(self, ledger: Ledger):
        await self._execute(ledger, altering(ENTER, FINDS_SHORT, ""))
        with pytest.raises(ConstraintViolationError, match="reserved_check"):
            await ledger.post("issue", ("A", "4", "KHO", None))
        with pytest.raises(ConstraintViolationError, match="reserved_check"):
            await ledger.reserve(("A", "4", "KHO"))
        assert await ledger.findings() == set()

    async def test_is_broken_and_told_where_both_fail(self, ledger: Ledger):
        await self._execute(ledger, altering(ENTER, FINDS_SHORT, ""), _CHECK)
        await ledger.post("issue", ("A", "4", "KHO", None))
        kho = await ledger.account("A", "KHO")
        assert await ledger.findings() == {f"I3 reserved_out_of_range {kho}"}

    async def test_is_broken_where_what_is_freed_has_not_expired(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ):
        text = FREE_EXPIRED.text.replace(
            "stock_reservations.expires_at <= statement_timestamp()", "true"
        )
        assert text != FREE_EXPIRED.text
        monkeypatch.setattr(FREE_EXPIRED, "text", text)
        await ledger.post("issue", ("A", "4", "KHO", None))  # of goods that are promised

    async def _execute(self, ledger: Ledger, *commands: str) -> None:
        connection = await asyncpg.connect(ledger.admin)
        for command in commands:
            await connection.execute(command)
        await connection.close()


class TestExpired:
    async def test_is_freed_while_the_balances_are_held(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ):
        """Also for a document that would be a transaction of its own, were there enough."""
        free = PostgresStockRepo.free_expired
        admin = await asyncpg.connect(ledger.admin)
        looked = 0

        async def watched(repo: PostgresStockRepo, ids: Collection[UUID]) -> Mapping[UUID, Decimal]:
            nonlocal looked
            looked += 1
            with pytest.raises(asyncpg.LockNotAvailableError):
                await admin.fetch(_HOLD_NOW, [*ids])
            return await free(repo, ids)

        monkeypatch.setattr(PostgresStockRepo, "free_expired", watched)
        line = Line(sku="A", quantity=Decimal(4), from_location_id=ledger.locations["KHO"])
        issue = Document(type=TransactionType.ISSUE, lines=(line,))
        for _ in range(2):  # the first opens an account, and so is none
            with pytest.raises(InsufficientStockError):
                async with ledger.database.transaction(ledger.tenant_id) as tx:
                    tx.commit_with_change()
                    service = StockService(PostgresStockRepo(tx, ledger.seal), tx)
                    await service.post(issue, actor="x")
        await admin.close()
        assert looked == 2


class TestChore:
    async def test_by_several_workers_is_done_once(self, ledger: Ledger, scratch: DatabaseUrls):
        reservation = await ledger.reserve(("A", "1", "KHO"), expires_in=timedelta(seconds=0))
        worker = Database(scratch.worker, pool_size=2)
        chore = Chore("reservations", timedelta(minutes=1), expire_reservations)
        for _ in range(3):
            await Housekeeping(ledger.database, worker, chore).do_what_is_due()
        await worker.close()
        state = await ledger.as_superuser(
            "SELECT string_agg(state, ' ' ORDER BY state) FROM stock_reservations "
            "WHERE tenant_id = $1"
        )
        assert state == "expired open"
        events = await ledger.as_superuser(
            "SELECT array_agg(resource_id) FROM events WHERE tenant_id = $1 "
            "AND type = 'stock.reservation_expired'"
        )
        assert events == [str(reservation.id)]
        assert await ledger.findings() == set()
