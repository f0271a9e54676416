"""The demo in a database: two businesses with a year of stock, opened once and kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from sokho.core.domain.identity import COMMAND_LINE, Authenticator, UnauthenticatedError
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.private_files import write_private
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.demo.businesses import demo_businesses
from sokho.demo.catalogue import DemoBusiness, DemoLocation
from sokho.demo.documents import DemoDocument, year_of_documents
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.locations.domain.entities import LocationKind
from sokho.modules.locations.domain.repository import LocationFilter
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.modules.stock.domain.documents import Document, Line
from sokho.modules.stock.domain.service import StockService
from sokho.modules.stock.infrastructure.digests import Seal
from sokho.modules.stock.infrastructure.postgres_repo import PostgresStockRepo
from sokho.provisioning import open_business

_FILE: Final = "demo.json"
_VIETNAM: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_AT_ONCE: Final = 30  # documents of one transaction


class DemoTenant(msgspec.Struct, frozen=True):
    """A demo business as the data folder remembers it."""

    tenant_id: UUID
    name: str
    api_key: str


async def ensure_demo(
    database: Database, keys: DerivedKeys, authenticator: Authenticator, data_dir: Path
) -> list[DemoTenant]:
    """Return the demo businesses, opened on first use.

    Their keys stand in ``demo.json``, for its owner alone. One that this database does not
    know, because the folder or the secret is another's, is opened anew.
    """
    path = data_dir / _FILE
    known = {tenant.name: tenant for tenant in _read(path)}
    tenants: list[DemoTenant] = []
    for business in demo_businesses():
        tenant = known.get(business.name)
        if tenant is None or not await _is_genuine(tenant, authenticator):
            tenant = await _open(database, keys, business)
        tenants.append(tenant)
    if tenants != list(known.values()):
        write_private(path, msgspec.json.format(msgspec.json.encode(tenants)).decode())
    return tenants


def _read(path: Path) -> list[DemoTenant]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[DemoTenant])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


async def _is_genuine(tenant: DemoTenant, authenticator: Authenticator) -> bool:
    try:
        await authenticator.authenticate(tenant.api_key)
    except UnauthenticatedError:
        return False
    return True


async def _open(database: Database, keys: DerivedKeys, business: DemoBusiness) -> DemoTenant:
    opened = await open_business(database, keys, business.name)
    tenant_id = opened.tenant.id
    async with database.transaction(tenant_id) as transaction:
        items = ItemService(PostgresItemRepo(transaction), transaction)
        for item in business.items:
            await items.create(
                tenant_id,
                item.name,
                sku=item.sku,
                description=item.description,
                unit=item.unit,
                barcode=item.barcode,
                tags=item.tags,
                attributes=item.attributes,
            )
        places = await _furnish(transaction, tenant_id, business.locations)
    documents = [*year_of_documents(business, await _morning(database))]
    for start in range(0, len(documents), _AT_ONCE):
        async with database.transaction(tenant_id) as transaction:
            await _post(transaction, keys, documents[start : start + _AT_ONCE], places)
    return DemoTenant(tenant_id, business.name, opened.api_key)


async def _furnish(
    transaction: Transaction, tenant_id: UUID, locations: Iterable[DemoLocation]
) -> Mapping[str | None, UUID]:
    """Add locations to the warehouse that the business began with; return all ids by code."""
    service = LocationService(PostgresLocationRepo(transaction), transaction)
    known = await service.list(LocationFilter())
    ids: dict[str | None, UUID] = {location.code: location.id for location in known}
    for location in locations:
        made = await service.create(
            tenant_id,
            location.code,
            location.name,
            LocationKind(location.kind),
            parent_id=ids[location.parent] if location.parent else None,
        )
        ids[made.code] = made.id
    return ids


async def _post(
    transaction: Transaction,
    keys: DerivedKeys,
    documents: Sequence[DemoDocument],
    places: Mapping[str | None, UUID],
) -> None:
    repo = PostgresStockRepo(transaction, Seal(keys.ledger_id, keys.ledger))
    service = StockService(repo, transaction)
    for document in documents:
        lines = tuple(
            Line(
                sku=line.sku,
                quantity=line.quantity,
                from_location_id=places.get(line.source),
                to_location_id=places.get(line.target),
            )
            for line in document.lines
        )
        asked = Document(
            type=document.type,
            lines=lines,
            effective_at=document.effective_at,
            note=document.note,
            reason=document.reason,
        )
        await service.post(asked, actor=COMMAND_LINE.actor)


async def _morning(database: Database) -> datetime:
    """Return eight o'clock of today or yesterday in Vietnam, whichever is past."""
    now = (await database.clock.now()).astimezone(_VIETNAM)
    today = now.replace(hour=8, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
