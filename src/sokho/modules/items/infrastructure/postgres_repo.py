"""Items in PostgreSQL."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NoReturn
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy import bindparam as p

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.lines import TEXT
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
    insertion,
)
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.modules.items.domain.conversions import Conversion
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.domain.errors import (
    UNKNOWN_UNIT,
    DuplicateSKUError,
    ItemInUseError,
    ItemNotFoundError,
)
from sokho.modules.items.domain.repository import BY_ID, ItemFilter, ItemRepository
from sokho.modules.items.infrastructure.batch_statements import (
    KNOWN_UNITS,
    LOCK,
    SAVE,
    SAVE_NEW,
    TAKE_TURN,
    UPDATED_AT,
    given,
)
from sokho.modules.items.infrastructure.conversion_statements import (
    DELETE_CONVERSION,
    GET_CONVERSION,
    HOLD_UNIT,
    PUT_CONVERSION,
    WITH_FIXED_UNIT,
    conversions_statement,
)
from sokho.modules.items.infrastructure.tables import item_tags, items
from sokho.modules.items.infrastructure.tag_steps import tags_gone, tags_indexed

_OURS = items.c.tenant_id == TENANT
_THIS = sa.and_(_OURS, items.c.id == p("id"))

# What a client's change writes: every column but the row's identity and the store's times.
_WRITTEN: Final[dict[str, sa.BindParameter[Any]]] = {
    column.name: p(column.name)
    for column in items.columns
    if column.name not in {"tenant_id", "id", "created_at", "updated_at"}
}

_GET = Statement(sa.select(items).where(_THIS))
_HOLD = Statement(sa.select(items).where(_THIS).with_for_update(key_share=True))


_new = insertion(
    items,
    _WRITTEN
    | {
        "tenant_id": p("tenant_id"),
        "id": p("id"),
        "created_at": sa.func.now(),
        "updated_at": sa.func.now(),
    },
).returning(items)
_CREATE = Statement(_new)

_new_row = _new.cte("new_item")
_CREATE_TAGGED = Statement(sa.select(_new_row).add_cte(tags_indexed(_new_row)))

_changed = (
    sa.update(items)
    .where(_THIS, items.c.version == p("version") - 1)
    .values(_WRITTEN | {"updated_at": UPDATED_AT})
    .returning(items)
)
_changed_row = _changed.cte("changed_item")
_UPDATE = Statement(
    sa.select(_changed_row).add_cte(tags_gone(_changed_row), tags_indexed(_changed_row))
)

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

    async def hold(self, id: UUID) -> Item | None:
        row = await self._tx.fetch_one(_HOLD, id=id)
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
        statement = _list_statement(
            frozenset(values), sort, status=filter.status, resumed=after is not None
        )
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
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
        try:
            return await self._tx.fetch_one(_DELETE, id=id) is not None
        except ConstraintViolationError as violation:
            raise ItemInUseError from violation  # whatever it is that refers to the item

    async def lock(self, sku_keys: Collection[str]) -> dict[str, Item]:
        await self._tx.fetch_all(TAKE_TURN)
        storable = [key for key in sku_keys if TEXT.fullmatch(key)]  # no item has another
        rows = await self._tx.fetch_all(LOCK, sku_keys=storable)
        return {row["sku_key"]: _to_item(row) for row in rows}

    async def save(self, new: Sequence[Item], changed: Sequence[Item]) -> set[UUID]:
        if not new and not changed:
            return set()
        statement = SAVE if changed else SAVE_NEW
        row = await self._tx.fetch_one(statement, wanted=len(new), **given([*new, *changed]))
        assert row is not None
        return set() if row["made"] is None else {item.id for item in new} - {*row["made"]}

    async def known_units(self, codes: Collection[str]) -> set[str]:
        storable = [code for code in codes if TEXT.fullmatch(code)]
        return {row["code"] for row in await self._tx.fetch_all(KNOWN_UNITS, codes=storable)}

    async def with_fixed_unit(self, ids: Collection[UUID]) -> set[UUID]:
        rows = await self._tx.fetch_all(WITH_FIXED_UNIT, ids=list(ids))  # a dict is no array
        return {row["item_id"] for row in rows}

    async def list_conversions(
        self,
        item_id: UUID,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        descending: bool = False,
        after: Position | None = None,
    ) -> Sequence[Conversion]:
        statement = conversions_statement(descending=descending, resumed=after is not None)
        rows = await self._tx.fetch_all(
            statement, item_id=item_id, **page_values(limit, offset, after)
        )
        return [Conversion(**row) for row in rows]

    async def hold_unit(self, id: UUID) -> str | None:
        row = await self._tx.fetch_one(HOLD_UNIT, id=id)
        return None if row is None else row["unit"]

    async def get_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        row = await self._tx.fetch_one(GET_CONVERSION, item_id=item_id, unit=unit)
        return None if row is None else Conversion(**row)

    async def put_conversion(self, conversion: Conversion) -> None:
        try:
            await self._tx.fetch_all(PUT_CONVERSION, **asdict(conversion))
        except ConstraintViolationError as violation:
            if violation.constraint == "item_conversions_tenant_id_unit_fkey":
                raise InvalidError(UNKNOWN_UNIT) from violation
            raise

    async def delete_conversion(self, item_id: UUID, unit: str) -> Conversion | None:
        row = await self._tx.fetch_one(DELETE_CONVERSION, item_id=item_id, unit=unit)
        return None if row is None else Conversion(**row)


@lru_cache(maxsize=512)
def _list_statement(
    conditions: frozenset[str], sort: Sort, *, status: ItemStatus | None = None, resumed: bool
) -> Statement:
    """Return the statement for one combination of filters; there are a few hundred at most.

    A state is written into it: an index knows the few items that are archived.
    """
    along_tags = "tag" in conditions and sort.field == "id"
    named = sorted(conditions - {"tag"} if along_tags else conditions)
    filters = [_OURS, *(_CONDITIONS[name] for name in named)]
    if status is not None:
        filters.append(items.c.status == sa.literal_column(f"'{status}'"))
    rows = _tagged(filters) if along_tags else sa.select(items).where(*filters)
    # Of equals, the id decides.
    key = dict.fromkeys(
        [item_tags.c.item_id] if along_tags else [_ORDER_BY[sort.field], items.c.id]
    )
    return keyset_page(
        rows,
        list(key),
        descending=sort.descending,
        resumed=resumed,
        planned_once=not conditions,
    )


def _tagged(filters: Sequence[Any]) -> "sa.Select[Any]":
    """Return the items with a tag, along the index of tags.

    Each is looked up by its id, and by a limit, which keeps the planner from looking through all
    items for the tag: it does not know how rare that is.
    """
    one = (
        sa.select(items)
        .where(items.c.id == item_tags.c.item_id, *filters)
        .limit(sa.literal_column("1"))
        .lateral("one")
    )
    return (
        sa.select(one)
        .select_from(item_tags.join(one, sa.true()))
        .where(item_tags.c.tenant_id == TENANT, item_tags.c.tag == p("tag"))
    )


_STATUSES: Final = {str(status): status for status in ItemStatus}


def _to_item(row: Row) -> Item:
    # By place, each of `items` in its order: by name it takes nearly twice as long.
    tenant_id, id, sku, _, name, description, unit, barcode, status, tags, *others = row
    attributes, version, created_at, updated_at = others
    return Item(
        id=id,
        tenant_id=tenant_id,
        sku=sku,
        name=name,
        description=description,
        unit=unit,
        barcode=barcode,
        status=_STATUSES[status],
        tags=tuple(tags),
        attributes=attributes,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


_STORED: Final = ("id", *_WRITTEN)
_stored: Final = attrgetter(*_STORED)


def _values(item: Item) -> dict[str, Any]:
    return dict(zip(_STORED, _stored(item), strict=True))


def _refuse(violation: ConstraintViolationError, item: Item) -> NoReturn:
    if violation.constraint == "items_tenant_id_sku_key_key":
        raise DuplicateSKUError(item.sku) from violation
    if violation.constraint == "items_tenant_id_unit_fkey":
        raise InvalidError(UNKNOWN_UNIT) from violation
    raise violation
