"""Opening a business: all that a new tenant needs, in one transaction bound to it."""

from typing import NamedTuple

from sokho.core.domain.ids import new_id
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.domain.service import ApiKeyService
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.modules.tenants.domain.entities import Tenant
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from sokho.modules.units.domain.service import UnitService
from sokho.modules.units.infrastructure.postgres_repo import PostgresUnitRepo

FIRST_KEY_NAME = "khóa đầu tiên"


class OpenedBusiness(NamedTuple):
    """A new business, and its first key: all scopes, shown once."""

    tenant: Tenant
    api_key: str


async def open_business(database: Database, keys: DerivedKeys, name: str) -> OpenedBusiness:
    """Create a tenant, its units and its first key; raises `InvalidError` for a wrong name.

    The fresh tenant is bound first, so its own row passes its own policy: nobody needs a
    privileged connection to open a business.
    """
    tenant_id = new_id()
    async with database.transaction(tenant_id) as transaction:
        tenant = await TenantService(PostgresTenantRepo(transaction)).create(tenant_id, name)
        await UnitService(PostgresUnitRepo(transaction)).create_defaults(tenant_id)
        service = api_key_service(transaction, keys)
        first = await service.create(tenant_id, FIRST_KEY_NAME, Scope)
    return OpenedBusiness(tenant, first.token)


def api_key_service(transaction: Transaction, keys: DerivedKeys) -> ApiKeyService:
    """Return the service on the keys of the tenant that `transaction` is bound to."""
    return ApiKeyService(PostgresApiKeyRepo(transaction), Pepper(keys.pepper_id, keys.pepper))
