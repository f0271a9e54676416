"""Documents beside changes of what they rely on, each step of both in a known order."""

from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from sokho.core.domain.versions import ANY_VERSION
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.locations.domain.entities import LocationStatus
from sokho.modules.locations.domain.errors import LocationHasStockError
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.errors import LocationArchivedError, QuantityPrecisionError
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.units.domain.entities import Unit
from sokho.modules.units.domain.errors import UnitInUseError
from sokho.modules.units.domain.service import UnitService
from sokho.modules.units.infrastructure.postgres_repo import PostgresUnitRepo
from tests.altered_function import ENTER, altered
from tests.integration.ledger import Ledger
from tests.integration.waiting import waiting

ARCHIVED: Final = LocationStatus.ARCHIVED

before = pytest.mark.parametrize("has_account", [False, True], ids=["first", "later"])
"""Whether the item has been in the bin before."""


@pytest.fixture
async def ledger(database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys) -> Ledger:
    return await Ledger.opened(database, urls.admin, derived_keys, items="A", bins="B")


class LocationsAtOnce(PostgresLocationRepo):
    """Locations of whoever looks for goods and waits for nobody: the control."""

    async def hold_stock(self, id: UUID) -> bool:
        """Return what has been committed: none is at any location."""
        assert id
        return False


class UnitsAtOnce(PostgresUnitRepo):
    """Units of whoever waits for nobody: the control."""

    async def hold(self, code: str) -> Unit | None:
        return await self.get_by_code(code)


async def receive(tx: Transaction, ledger: Ledger, quantity: str = "1") -> StockTransaction:
    """Post a receipt of A into B, in a transaction that goes on."""
    line = Line(sku="A", quantity=Decimal(quantity), to_location_id=ledger.locations["B"])
    service = StockService(PostgresStockRepo(tx, ledger.seal), tx)
    return await service.post(Document(type=TransactionType.RECEIPT, lines=(line,)), actor="x")


async def archive(tx: Transaction, ledger: Ledger, repo: type = PostgresLocationRepo) -> None:
    service = LocationService(repo(tx), tx)
    await service.patch(ledger.locations["B"], ANY_VERSION, status=ARCHIVED)


async def coarsen(tx: Transaction, unit: str = "kg", repo: type = PostgresUnitRepo) -> None:
    """Let a unit have no decimals."""
    await UnitService(repo(tx), tx).patch(unit, ANY_VERSION, decimals=0)


def open_for(ledger: Ledger) -> AbstractAsyncContextManager[Transaction]:
    return ledger.database.transaction(ledger.tenant_id)


async def archived(ledger: Ledger, repo: type = PostgresLocationRepo) -> None:
    async with open_for(ledger) as tx:
        await archive(tx, ledger, repo)


async def received(ledger: Ledger, quantity: str = "1") -> StockTransaction:
    async with open_for(ledger) as tx:
        return await receive(tx, ledger, quantity)


async def coarsened(ledger: Ledger, unit: str = "kg", repo: type = PostgresUnitRepo) -> None:
    async with open_for(ledger) as tx:
        await coarsen(tx, unit, repo)


async def goods_out_of_reach(ledger: Ledger) -> object:
    """Return how much lies at archived locations."""
    return await ledger.as_superuser(
        "SELECT coalesce(sum(on_hand), 0) FROM stock_balances b JOIN stock_accounts a "
        "ON a.tenant_id = b.tenant_id AND a.id = b.account_id JOIN locations l "
        "ON l.tenant_id = a.tenant_id AND l.id = a.location_id "
        "WHERE b.tenant_id = $1 AND l.status = 'archived'"
    )


class TestArchiving:
    @before
    async def test_waits_for_a_receipt_and_is_refused(self, ledger: Ledger, has_account: bool):
        if has_account:
            await ledger.reverse((await received(ledger)).id)
        async with open_for(ledger) as tx:
            await receive(tx, ledger)
            other = await waiting(archived(ledger))
        with pytest.raises(LocationHasStockError):
            await other
        assert await goods_out_of_reach(ledger) == 0

    @before
    async def test_keeps_out_a_receipt_that_waited(self, ledger: Ledger, has_account: bool):
        if has_account:
            await ledger.reverse((await received(ledger)).id)
        async with open_for(ledger) as tx:
            await archive(tx, ledger)
            other = await waiting(received(ledger))
        with pytest.raises(LocationArchivedError):
            await other
        assert await goods_out_of_reach(ledger) == 0
        assert await ledger.findings() == set()

    async def test_keeps_out_a_reversal_that_waited(self, ledger: Ledger):
        await received(ledger)
        issue = await ledger.post("issue", ("A", "1", "B", None))
        async with open_for(ledger) as tx:
            await archive(tx, ledger)
            other = await waiting(ledger.reverse(issue.id))
        with pytest.raises(LocationArchivedError):
            await other
        assert await goods_out_of_reach(ledger) == 0

    async def test_waits_for_no_document_elsewhere(self, ledger: Ledger):
        async with open_for(ledger) as tx:
            line = Line(sku="A", quantity=Decimal(1), to_location_id=ledger.locations["KHO"])
            service = StockService(PostgresStockRepo(tx, ledger.seal), tx)
            receipt = Document(type=TransactionType.RECEIPT, lines=(line,))
            await service.post(receipt, actor="x")
            await archived(ledger)

    @before
    async def test_that_waits_for_nobody_leaves_goods_behind(
        self, ledger: Ledger, has_account: bool
    ):
        """The control: what holds the accounts is what keeps the two apart."""
        if has_account:
            await ledger.reverse((await received(ledger)).id)
        async with open_for(ledger) as tx:
            await receive(tx, ledger)
            await archived(ledger, LocationsAtOnce)
        assert await goods_out_of_reach(ledger) == 1

    async def test_is_seen_behind_the_wait_for_the_balance(
        self, scratch: DatabaseUrls, derived_keys: DerivedKeys
    ):
        """The control: before it, the location was active still."""
        database = Database(scratch.app, pool_size=4)
        ledger = await Ledger.opened(database, scratch.admin, derived_keys, items="A", bins="B")
        await ledger.reverse((await received(ledger)).id)
        admin = await asyncpg.connect(ledger.admin)
        async with altered(admin, ENTER, ("IF to_places[n] IS NOT NULL THEN", "IF false THEN")):
            async with open_for(ledger) as tx:
                await archive(tx, ledger)
                other = await waiting(received(ledger))
            await other
        await admin.close()
        assert await goods_out_of_reach(ledger) == 1
        await database.close()


class TestDecimalsOfAUnit:
    async def test_wait_for_a_first_move_and_stay(self, ledger: Ledger):
        async with open_for(ledger) as tx:
            await receive(tx, ledger, "1.5")
            other = await waiting(coarsened(ledger))
        with pytest.raises(UnitInUseError):
            await other

    async def test_keep_out_a_first_move_that_waited(self, ledger: Ledger):
        async with open_for(ledger) as tx:
            await coarsen(tx)
            other = await waiting(received(ledger, "1.5"))
        with pytest.raises(QuantityPrecisionError):
            await other

    async def test_that_wait_for_nobody_are_fewer_than_what_is_there(self, ledger: Ledger):
        """The control."""
        async with open_for(ledger) as tx:
            await receive(tx, ledger, "1.5")
            await coarsened(ledger, repo=UnitsAtOnce)
        left = "SELECT on_hand FROM stock_balances WHERE tenant_id = $1"
        assert await ledger.as_superuser(left) == Decimal("1.5")
        decimals = "SELECT decimals FROM units WHERE tenant_id = $1 AND code = 'kg'"
        assert await ledger.as_superuser(decimals) == 0

    async def test_of_a_unit_that_converts_stay_as_well(self, ledger: Ledger):
        await ledger.as_superuser(
            "INSERT INTO item_conversions (tenant_id, item_id, unit, numerator, denominator) "
            "SELECT $1, id, 'tấn', 1000, 1 FROM items WHERE tenant_id = $1"
        )
        async with open_for(ledger) as tx:
            await receive(tx, ledger)
            other = await waiting(coarsened(ledger, "tấn"))
        with pytest.raises(UnitInUseError):
            await other
