"""Two stores of items behind one face, for suites that hold for both."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from typing import Any, Final, Protocol
from uuid import UUID

from msgspec.structs import replace

from sokho.core.domain.ids import new_id
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.items.domain.entities import Item
from sokho.modules.items.domain.repository import ItemFilter, ItemRepository
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.provisioning import open_business
from tests.fakes.items import FakeItemRepo, ItemStore

ANY: Final = ItemFilter()


class Store(Protocol):
    """Where a tenant's items are kept: each `items()` is a transaction of its own."""

    async def new_tenant(self) -> UUID: ...

    def items(self, tenant_id: UUID) -> AbstractAsyncContextManager[ItemRepository]: ...


class InMemory:
    def __init__(self) -> None:
        self._store = ItemStore()

    async def new_tenant(self) -> UUID:
        return new_id()

    @asynccontextmanager
    async def items(self, tenant_id: UUID) -> AsyncIterator[ItemRepository]:
        self._store.tick()
        before = deepcopy((self._store.items, self._store.conversions))
        try:
            yield FakeItemRepo(tenant_id, self._store)
        except BaseException:
            self._store.items, self._store.conversions = before
            raise


class InPostgres:
    def __init__(self, database: Database, keys: DerivedKeys) -> None:
        self._database = database
        self._keys = keys

    async def new_tenant(self) -> UUID:
        return (await open_business(self._database, self._keys, "Kho thử")).tenant.id

    @asynccontextmanager
    async def items(self, tenant_id: UUID) -> AsyncIterator[ItemRepository]:
        async with self._database.transaction(tenant_id) as transaction:
            yield PostgresItemRepo(transaction)


async def stored(store: Store, tenant_id: UUID, *items: Item) -> list[Item]:
    """Create items in one transaction: to the store they are of one instant."""
    async with store.items(tenant_id) as repo:
        return [await repo.create(replace(item, tenant_id=tenant_id)) for item in items]


async def listed(store: Store, tenant_id: UUID, filter: ItemFilter = ANY, **how: Any) -> list[Item]:
    async with store.items(tenant_id) as repo:
        return await repo.list(filter, **how)


async def saved(store: Store, tenant_id: UUID, new: list[Item], changed: list[Item]) -> set[UUID]:
    """Save a batch in a transaction of its own, the changed items locked as they must be.

    Returns the ids of the new items that were made.
    """
    async with store.items(tenant_id) as repo:
        await repo.lock([item.sku_key for item in (*new, *changed)])
        lost = await repo.save([replace(item, tenant_id=tenant_id) for item in new], changed)
        return {item.id for item in new} - lost


async def found(store: Store, tenant_id: UUID, id: UUID) -> Item | None:
    async with store.items(tenant_id) as repo:
        item = await repo.get_by_id(id)
        assert await repo.hold(id) == item
        return item
