"""Items in PostgreSQL."""

from dataclasses import fields
from functools import lru_cache
from typing import Any, Final, NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import insert

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
)
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.errors import DuplicateSKUError, ItemNotFoundError
from sokho.modules.items.domain.repository import BY_ID, ItemFilter, ItemRepository
from sokho.modules.items.infrastructure.tables import item_tags, items

_OURS = items.c.tenant_id == TENANT
_THIS = sa.and_(_OURS, items.c.id == p("id"))

# What a client's change writes: every column but the row's identity and the store's times.
_WRITTEN: Final[dict[str, sa.BindParameter[Any]]] = {
    column.name: p(column.name)
    for column in items.columns
    if column.name not in {"tenant_id", "id", "created_at", "updated_at"}
}

_GET = Statement(sa.select(items).where(_THIS))


def _tags_of(row: sa.CTE) -> sa.CTE:
    """Return the step that indexes the tags of the item written by the same statement."""
    tags = sa.select(row.c.tenant_id, sa.func.unnest(row.c.tags), row.c.id)
    return (
        insert(item_tags)
        .from_select(["tenant_id", "tag", "item_id"], tags)
        .on_conflict_do_nothing()
        .cte("tags_indexed")
    )


_new = (
    sa.insert(items)
    .values(
        _WRITTEN
        | {
            "tenant_id": p("tenant_id"),
            "id": p("id"),
            "created_at": sa.func.now(),
            "updated_at": sa.func.now(),
        }
    )
    .returning(items)
)
_CREATE = Statement(_new)

_new_row = _new.cte("new_item")
_CREATE_TAGGED = Statement(sa.select(_new_row).add_cte(_tags_of(_new_row)))

_changed = (
    sa.update(items)
    .where(_THIS, items.c.version == p("version") - 1)
    .values(_WRITTEN | {"updated_at": sa.func.now()})
    .returning(items)
)
_changed_row = _changed.cte("changed_item")
_tags_gone = (
    sa.delete(item_tags)
    .where(
        item_tags.c.tenant_id == TENANT,
        item_tags.c.tenant_id == _changed_row.c.tenant_id,
        item_tags.c.item_id == _changed_row.c.id,
        item_tags.c.tag != sa.all_(_changed_row.c.tags),
    )
    .cte("tags_gone")
)
_UPDATE = Statement(sa.select(_changed_row).add_cte(_tags_gone, _tags_of(_changed_row)))

_DELETE = Statement(sa.delete(items).where(_THIS).returning(items.c.id))

_ORDER_BY: Final[dict[str, sa.Column[Any]]] = {
    "id": items.c.id,
    "sku": items.c.sku_key,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
}

_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "sku_key": items.c.sku_key == p("sku_key"),
    "barcode": items.c.barcode == p("barcode"),
    "status": items.c.status == p("status"),
    "tag": sa.exists().where(
        item_tags.c.tenant_id == TENANT,
        item_tags.c.tag == p("tag"),
        item_tags.c.item_id == items.c.id,
    ),
    "updated_since": items.c.updated_at >= p("updated_since"),
}


class PostgresItemRepo(ItemRepository):
    """Items of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def get_by_id(self, id: UUID) -> Item | None:
        row = await self._tx.fetch_one(_GET, id=id)
        return None if row is None else _to_item(row)

    async def list(
        self,
        filter: ItemFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Item]:
        values = {
            name: value for name in _CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = _list_statement(frozenset(values), sort, resumed=after is not None)
        if after is not None:
            values["after_id"] = after.id
            if sort.field != "id":
                values["after_value"] = after.value
        rows = await self._tx.fetch_all(statement, **values, limit=limit, offset=offset)
        return [_to_item(row) for row in rows]

    async def create(self, item: Item) -> Item:
        statement = _CREATE_TAGGED if item.tags else _CREATE
        try:
            row = await self._tx.fetch_one(statement, tenant_id=item.tenant_id, **_values(item))
        except ConstraintViolationError as violation:
            _refuse(violation, item)
        assert row is not None
        return _to_item(row)

    async def update(self, item: Item) -> Item:
        try:
            row = await self._tx.fetch_one(_UPDATE, **_values(item))
        except ConstraintViolationError as violation:
            _refuse(violation, item)
        if row is not None:
            return _to_item(row)
        if await self.get_by_id(item.id) is None:
            raise ItemNotFoundError(item.id)
        raise PreconditionFailedError

    async def delete(self, id: UUID) -> bool:
        return await self._tx.fetch_one(_DELETE, id=id) is not None


@lru_cache(maxsize=512)
def _list_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement for one combination of filters; there are a few hundred at most."""
    column = _ORDER_BY[sort.field]
    key = [column] if sort.field == "id" else [column, items.c.id]
    statement = sa.select(items).where(_OURS, *(_CONDITIONS[name] for name in sorted(conditions)))
    if resumed:
        here = sa.tuple_(*key)
        names = ["after_id"] if sort.field == "id" else ["after_value", "after_id"]
        there = sa.tuple_(*(p(name, type_=c.type) for name, c in zip(names, key, strict=True)))
        statement = statement.where(here < there if sort.descending else here > there)
    order = [c.desc() if sort.descending else c for c in key]
    limit, offset = p("limit", type_=sa.Integer), p("offset", type_=sa.Integer)
    return Statement(statement.order_by(*order).limit(limit).offset(offset))


_STATUSES: Final = {str(status): status for status in ItemStatus}


def _to_item(row: Row) -> Item:
    return Item(
        id=row["id"],
        tenant_id=row["tenant_id"],
        sku=row["sku"],
        name=row["name"],
        description=row["description"],
        unit=row["unit"],
        barcode=row["barcode"],
        status=_STATUSES[row["status"]],
        tags=tuple(row["tags"]),
        attributes=row["attributes"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


_STORED_BY_VALUE: Final = tuple(
    field.name
    for field in fields(Item)
    if field.name not in {"tenant_id", "created_at", "updated_at"}
)


def _values(item: Item) -> dict[str, object]:
    return {name: getattr(item, name) for name in _STORED_BY_VALUE} | {"sku_key": item.sku_key}


def _refuse(violation: ConstraintViolationError, item: Item) -> NoReturn:
    if violation.constraint == "items_tenant_id_sku_key_key":
        raise DuplicateSKUError(item.sku) from violation
    raise violation
