"""A small ledger to prove and to tamper with."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.locations.domain.entities import LocationKind
from sokho.modules.locations.domain.repository import LocationFilter
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.modules.stock.domain.documents import Document, Line, Reason, TransactionType
from sokho.modules.stock.domain.entities import StockTransaction
from sokho.modules.stock.domain.reservation_service import ReservationService
from sokho.modules.stock.domain.reservations import Reservation
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.domain.verification import Verification, verify
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.modules.stock.infrastructure.postgres_reservations import PostgresReservationRepo
from sokho.modules.stock.infrastructure.verification import PostgresLedgerCheck
from sokho.provisioning import open_business


@dataclass
class Ledger:
    """A business whose items and locations have short names, and what was posted to it."""

    database: Database
    admin: str
    tenant_id: UUID
    seal: Seal
    items: dict[str, UUID] = field(default_factory=dict)
    locations: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    async def opened(
        cls, database: Database, admin: str, keys: DerivedKeys, *, items: str, bins: str
    ) -> "Ledger":
        """Open a business with items and, beside the warehouse KHO, bins of these letters."""
        opened = await open_business(database, keys, "Sổ kho")
        ledger = cls(database, admin, opened.tenant.id, Seal(keys.ledger_id, keys.ledger))
        async with database.transaction(ledger.tenant_id) as tx:
            service = ItemService(PostgresItemRepo(tx), tx)
            for sku in items:
                item = await service.create(ledger.tenant_id, sku, sku=sku, unit="kg")
                ledger.items[sku] = item.id
            places = LocationService(PostgresLocationRepo(tx), tx)
            [first] = await places.list(LocationFilter())
            ledger.locations["KHO"] = first.id
            for code in bins:
                made = await places.create(
                    ledger.tenant_id, code, code, LocationKind.BIN, parent_id=first.id
                )
                ledger.locations[code] = made.id
        return ledger

    async def post(
        self, type: str, *lines: tuple[str, str, str | None, str | None], **more: Any
    ) -> StockTransaction:
        """Post a document; a line is a SKU, a quantity, and from where to where."""
        request_key, unit = more.pop("request_key", None), more.pop("unit", None)
        document = Document(
            type=TransactionType(type),
            lines=tuple(
                Line(
                    sku=sku,
                    quantity=Decimal(quantity),
                    unit=unit,
                    from_location_id=self.locations.get(source or ""),
                    to_location_id=self.locations.get(target or ""),
                )
                for sku, quantity, source, target in lines
            ),
            reason=Reason.COUNT if type == "adjustment" else None,
            **more,
        )
        async with self.database.transaction(self.tenant_id) as tx:
            service = StockService(PostgresStockRepo(tx, self.seal), tx)
            return await service.post(document, actor="thủ kho", request_key=request_key)

    async def reverse(self, id: UUID) -> StockTransaction:
        async with self.database.transaction(self.tenant_id) as tx:
            service = StockService(PostgresStockRepo(tx, self.seal), tx)
            return await service.reverse(id, note=None, actor="thủ kho")

    async def reserve(
        self, *lines: tuple[str, str, str], expires_in: timedelta = timedelta(hours=1)
    ) -> Reservation:
        """Reserve goods; a line is a SKU, a quantity, and where."""
        document = Document(
            type=TransactionType.ISSUE,
            lines=tuple(
                Line(sku=sku, quantity=Decimal(quantity), from_location_id=self.locations[place])
                for sku, quantity, place in lines
            ),
        )
        async with self.database.transaction(self.tenant_id) as tx:
            stock = StockService(PostgresStockRepo(tx, self.seal), tx)
            service = ReservationService(PostgresReservationRepo(tx), stock, tx)
            return await service.reserve(document, expires_in, actor="thủ kho")

    async def verified(
        self, sku: str | None = None, seal: Seal | None = None, **bounds: int
    ) -> Verification:
        """Return what the check finds of an item, or of the whole ledger."""
        async with self.database.transaction(self.tenant_id, read_only=True) as tx:
            check = PostgresLedgerCheck(tx, seal or self.seal)
            item_id = None if sku is None else self.items[sku]
            return await verify(check, item_id, **({"most_findings": 100} | bounds))

    async def findings(self, sku: str | None = None, seal: Seal | None = None) -> set[str]:
        """Return the findings, each as its invariant, code and row."""
        found = (await self.verified(sku, seal)).findings
        assert len(found) == len(set(found))
        return {f"{each.fault.invariant} {each.fault} {each.row}" for each in found}

    async def account(self, sku: str, code: str) -> UUID:
        """Return the account of an item at a location."""
        found = await self.as_superuser(
            "SELECT id FROM stock_accounts WHERE tenant_id = $1 AND item_id = $2 "
            "AND location_id = $3",
            *(self.items[sku], self.locations[code]),
        )
        assert isinstance(found, UUID)
        return found

    async def as_superuser(self, statement: str, *values: object) -> object:
        """Run a statement past row-level security, triggers and foreign keys; $1 is the tenant."""
        connection = await asyncpg.connect(self.admin)
        try:
            await connection.execute("SET session_replication_role = replica")
            return await connection.fetchval(statement, self.tenant_id, *values)
        finally:
            await connection.close()
