"""The demo in a database: two businesses with their items and locations, opened once and kept."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from sokho.core.domain.identity import Authenticator, UnauthenticatedError
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.private_files import write_private
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.demo.businesses import demo_businesses
from sokho.demo.catalogue import DemoBusiness, DemoLocation
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.locations.domain.entities import LocationKind
from sokho.modules.locations.domain.repository import LocationFilter
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.provisioning import open_business

_FILE: Final = "demo.json"


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
        await _furnish(transaction, tenant_id, business.locations)
    return DemoTenant(tenant_id, business.name, opened.api_key)


async def _furnish(
    transaction: Transaction, tenant_id: UUID, locations: Iterable[DemoLocation]
) -> None:
    """Add locations to the warehouse that the business began with."""
    service = LocationService(PostgresLocationRepo(transaction), transaction)
    ids = {location.code: location.id for location in await service.list(LocationFilter())}
    for location in locations:
        made = await service.create(
            tenant_id,
            location.code,
            location.name,
            LocationKind(location.kind),
            parent_id=None if location.parent is None else ids[location.parent],
        )
        ids[made.code] = made.id
