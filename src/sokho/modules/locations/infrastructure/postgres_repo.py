"""Locations in PostgreSQL."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.fields import field_names
from sokho.core.domain.paging import DEFAULT_LIMIT, Position, Sort
from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Row,
    Statement,
    Transaction,
)
from sokho.core.infrastructure.database.keyset import keyset_page, page_values
from sokho.modules.locations.domain.entities import Location, LocationKind, LocationStatus
from sokho.modules.locations.domain.errors import (
    UNKNOWN_PARENT,
    DuplicateLocationError,
    LocationInUseError,
    LocationNotFoundError,
)
from sokho.modules.locations.domain.repository import BY_ID, LocationFilter, LocationRepository
from sokho.modules.locations.infrastructure.stock_statements import CLOSE, HOLD_BALANCES
from sokho.modules.locations.infrastructure.tables import locations
from sokho.modules.locations.infrastructure.tree_statements import (
    ACTIVE_BELOW,
    LEVELS_BELOW,
    LINEAGE,
    TAKE_TURN,
)

_OURS = locations.c.tenant_id == TENANT
_THIS = sa.and_(_OURS, locations.c.id == p("id"))

_WRITTEN: Final[dict[str, sa.BindParameter[Any]]] = {
    column.name: p(column.name)
    for column in locations.columns
    if column.name not in {"tenant_id", "id", "created_at", "updated_at"}
}

_GET = Statement(sa.select(locations).where(_THIS))
_HOLD = Statement(sa.select(locations).where(_THIS).with_for_update(key_share=True))
_CREATE = Statement(
    sa.insert(locations)
    .values(
        _WRITTEN
        | {
            "tenant_id": p("tenant_id"),
            "id": p("id"),
            "created_at": sa.func.now(),
            "updated_at": sa.func.now(),
        }
    )
    .returning(locations)
)
# Never dated before the last change: a transaction that waited for a row began before it got it.
_UPDATE = Statement(
    sa.update(locations)
    .where(_THIS, locations.c.version == p("version") - 1)
    .values(_WRITTEN | {"updated_at": sa.func.greatest(locations.c.updated_at, sa.func.now())})
    .returning(locations)
)
_DELETE = Statement(sa.delete(locations).where(_THIS).returning(locations.c.id))

_ORDER_BY: Final[dict[str, sa.Column[Any]]] = {
    "id": locations.c.id,
    "code": locations.c.code_key,
    "created_at": locations.c.created_at,
    "updated_at": locations.c.updated_at,
}

_CONDITIONS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "code_key": locations.c.code_key == p("code_key"),
    "kind": locations.c.kind == p("kind"),
    "status": locations.c.status == p("status"),
    "parent_id": locations.c.parent_id == p("parent_id"),
    "updated_since": locations.c.updated_at >= p("updated_since"),
}


class PostgresLocationRepo(LocationRepository):
    """Locations of the tenant that `transaction` is bound to."""

    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction

    async def get_by_id(self, id: UUID) -> Location | None:
        row = await self._tx.fetch_one(_GET, id=id)
        return None if row is None else _to_location(row)

    async def hold(self, id: UUID) -> Location | None:
        row = await self._tx.fetch_one(_HOLD, id=id)
        return None if row is None else _to_location(row)

    async def list(
        self,
        filter: LocationFilter,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        *,
        sort: Sort = BY_ID,
        after: Position | None = None,
    ) -> list[Location]:
        values = {
            name: value for name in _CONDITIONS if (value := getattr(filter, name)) is not None
        }
        statement = _list_statement(frozenset(values), sort, resumed=after is not None)
        rows = await self._tx.fetch_all(statement, **values, **page_values(limit, offset, after))
        return [_to_location(row) for row in rows]

    async def create(self, location: Location) -> Location:
        try:
            row = await self._tx.fetch_one(
                _CREATE, tenant_id=location.tenant_id, **_values(location)
            )
        except ConstraintViolationError as violation:
            _refuse(violation, location)
        assert row is not None
        return _to_location(row)

    async def update(self, location: Location) -> Location:
        try:
            row = await self._tx.fetch_one(_UPDATE, **_values(location))
        except ConstraintViolationError as violation:
            _refuse(violation, location)
        if row is not None:
            return _to_location(row)
        if await self.get_by_id(location.id) is None:
            raise LocationNotFoundError(location.id)
        raise PreconditionFailedError

    async def delete(self, id: UUID) -> bool:
        try:
            return await self._tx.fetch_one(_DELETE, id=id) is not None
        except ConstraintViolationError as violation:
            raise LocationInUseError from violation  # whatever it is that refers to the location

    async def take_turn(self) -> None:
        await self._tx.fetch_all(TAKE_TURN)

    async def lineage(self, id: UUID) -> Sequence[Location]:
        return [_to_location(row) for row in await self._tx.fetch_all(LINEAGE, id=id)]

    async def levels_below(self, id: UUID) -> int:
        row = await self._tx.fetch_one(LEVELS_BELOW, id=id)
        return (row and row["levels"]) or 0

    async def has_active_below(self, id: UUID) -> bool:
        return await self._tx.fetch_one(ACTIVE_BELOW, id=id) is not None

    async def hold_stock(self, id: UUID) -> bool:
        closed = await self._tx.fetch_one(CLOSE, id=id)
        if closed is not None and closed["has_stock"]:
            return True
        # A statement of its own: it sees what those have posted for whom the first one waited.
        held = await self._tx.fetch_one(HOLD_BALANCES, id=id)
        return held is not None and (held["most"] or 0) > 0


@lru_cache(maxsize=512)
def _list_statement(conditions: frozenset[str], sort: Sort, *, resumed: bool) -> Statement:
    """Return the statement for one combination of filters; there are a few hundred at most."""
    rows = sa.select(locations).where(_OURS, *(_CONDITIONS[name] for name in sorted(conditions)))
    key = dict.fromkeys([_ORDER_BY[sort.field], locations.c.id])  # of equals, the id decides
    return keyset_page(
        rows,
        list(key),
        descending=sort.descending,
        resumed=resumed,
        planned_once=not conditions,
    )


_KINDS: Final = {str(kind): kind for kind in LocationKind}
_STATUSES: Final = {str(status): status for status in LocationStatus}


def _to_location(row: Row) -> Location:
    return Location(
        id=row["id"],
        tenant_id=row["tenant_id"],
        code=row["code"],
        name=row["name"],
        kind=_KINDS[row["kind"]],
        parent_id=row["parent_id"],
        status=_STATUSES[row["status"]],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


_STORED_BY_VALUE: Final = tuple(
    name for name in field_names(Location) if name not in {"tenant_id", "created_at", "updated_at"}
)


def _values(location: Location) -> dict[str, Any]:
    values = {name: getattr(location, name) for name in _STORED_BY_VALUE}
    return values | {"code_key": location.code_key}


def _refuse(violation: ConstraintViolationError, location: Location) -> NoReturn:
    if violation.constraint == "locations_tenant_id_code_key_key":
        raise DuplicateLocationError(location.code) from violation
    if violation.constraint == "locations_tenant_id_parent_id_fkey":
        raise InvalidError(UNKNOWN_PARENT) from violation
    raise violation
