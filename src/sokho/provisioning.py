"""Opening a business: all that a new tenant needs, in one transaction bound to it."""

from sokho.core.domain.ids import new_id
from sokho.core.domain.roles import Role
from sokho.core.infrastructure.database import Database, Transaction
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.domain.service import ApiKeyService
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from sokho.modules.tenants.domain.entities import (
    DEFAULT_LOCALE,
    DEFAULT_TIME_ZONE,
    OpenedTenant,
)
from sokho.modules.tenants.domain.repository import TenantOpening
from sokho.modules.tenants.domain.service import TenantService
from sokho.modules.tenants.infrastructure.postgres_repo import PostgresTenantRepo
from sokho.modules.units.domain.service import UnitService
from sokho.modules.units.infrastructure.postgres_repo import PostgresUnitRepo

FIRST_KEY_NAME = "khóa đầu tiên"


class BusinessOpening(TenantOpening):
    """Opens a business with its units, a warehouse and a first key.

    The fresh tenant is bound first, so its own row passes its own policy: nobody needs a
    privileged connection to open a business.
    """

    def __init__(self, keys: DerivedKeys, transaction: Transaction) -> None:
        self._keys = keys
        self._tx = transaction

    async def open(
        self, name: str, *, locale: str = DEFAULT_LOCALE, time_zone: str = DEFAULT_TIME_ZONE
    ) -> OpenedTenant:
        tenant_id = self._tx.tenant_id
        tenants = TenantService(PostgresTenantRepo(self._tx), self._tx)
        tenant = await tenants.create(tenant_id, name, locale=locale, time_zone=time_zone)
        await UnitService(PostgresUnitRepo(self._tx), self._tx).create_defaults(tenant_id)
        await LocationService(PostgresLocationRepo(self._tx), self._tx).create_first(tenant_id)
        keys = api_key_service(self._tx, self._keys)
        first = await keys.create(tenant_id, FIRST_KEY_NAME, role=Role.OWNER)
        return OpenedTenant(tenant, first.token)


def api_key_service(transaction: Transaction, keys: DerivedKeys) -> ApiKeyService:
    """Return the operator's service on the keys of the tenant that `transaction` is bound to."""
    pepper = Pepper(keys.pepper_id, keys.pepper)
    return ApiKeyService(PostgresApiKeyRepo(transaction), pepper, transaction)


async def open_business(database: Database, keys: DerivedKeys, name: str) -> OpenedTenant:
    """Open a business from the command line; raises `InvalidError` for a wrong name."""
    async with database.transaction(new_id()) as transaction:
        return await BusinessOpening(keys, transaction).open(name)
