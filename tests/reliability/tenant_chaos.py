"""The seal under chaos: businesses at random, and work that is cut off, fails or is undone.

What is read names no tenant: whose rows come back is decided by the binding and row-level
security alone, as it would be where somebody forgets the predicate.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database import (
    TENANT,
    ConstraintViolationError,
    Database,
    OverloadedError,
    Row,
    Statement,
)
from sokho.core.infrastructure.database.reading import ReadTransaction
from sokho.modules.items.infrastructure.tables import items
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Business, Site, client
from tests.reliability.wire import Wire, request
from tests.reliability.writers import ITEMS

NO_STRANGER: Final = "nobody reads or changes a row of another business"
UNBOUND_SEES_NOTHING: Final = "what is bound to no business reads no row"
NO_STRANGER_SERVED: Final = "no answer has an item of another business"
STILL_SERVES: Final = "afterwards every business is served"

_ITEMS_OF_EACH: Final = 3
_CONNECTIONS: Final = 4
_AT_ONCE: Final = 16
_LONGEST_SECONDS: Final = 0.01

_READ: Final = Statement(sa.select(items.c.name, TENANT.label("bound")))
_CHANGE: Final = Statement(
    sa.update(items)
    .values(description=p("description"))
    .returning(items.c.name, TENANT.label("bound")),
    of_the_business=False,
)
_BREAK: Final = Statement(
    sa.update(items).values(status="nothing that there is").where(items.c.tenant_id == TENANT),
    of_the_business=False,
)


class _UndoneError(Exception):
    """Raised inside a transaction, which it undoes."""


async def tenant_chaos(
    site: Site, *, tenants: int, operations: int, requests: int, seed: int, by_session: bool = False
) -> Outcome:
    """Do `operations` on one small pool, then send `requests` to a service with two workers.

    `by_session`, a business is bound as many programs do it: by SET, for the connection.
    """
    businesses = [await site.business() for _ in range(tenants)]
    for business in businesses:
        await _fill(site, business)
    seen = await _operate(site, businesses, operations, Random(seed), by_session=by_session)
    served: Counter[str] = Counter()
    if requests:
        served = await _ask(site, businesses, requests, Random(seed))
    return Outcome(
        figures={"tenants": tenants, **dict(sorted((seen + served).items()))},
        promises={
            NO_STRANGER: seen["strangers"] == 0,
            UNBOUND_SEES_NOTHING: seen["seen_unbound"] == 0,
            NO_STRANGER_SERVED: served["strangers_served"] == 0,
            STILL_SERVES: served["not_served_at_the_end"] == 0,
        },
    )


async def _fill(site: Site, business: Business) -> None:
    """Give a business items that are called by its id."""
    await site.fetch(
        "INSERT INTO items (tenant_id, id, sku, sku_key, name, unit, status, tags, attributes,"
        " version, created_at, updated_at) "
        "SELECT $1::uuid, gen_random_uuid(), 'S' || n, 's' || n, $1::text, 'cái', 'active', '{}',"
        " '{}', 1, now(), now() FROM generate_series(1, $2::int) AS n",
        str(business.tenant_id),
        _ITEMS_OF_EACH,
    )


async def _operate(
    site: Site, businesses: Sequence[Business], operations: int, chance: Random, *, by_session: bool
) -> Counter[str]:
    seen: Counter[str] = Counter()
    database = Database(site.urls.app, pool_size=_CONNECTIONS)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def operate() -> None:
        async with turn:
            tenant_id = chance.choice(businesses).tenant_id
            kind = chance.choice([_read, _read, _change, _undo, _fail, _unbound])
            seconds = chance.uniform(0, _LONGEST_SECONDS) if chance.random() < 0.4 else None
            try:
                async with asyncio.timeout(seconds):
                    await kind(database, tenant_id, seen)
            except TimeoutError:
                seen["cut_off"] += 1
            except OverloadedError:
                seen["refused"] += 1  # all places were taken by connections that are being made

    try:
        with _bound_by_session() if by_session else _as_it_is():
            await asyncio.gather(*(operate() for _ in range(operations)))
    finally:
        await database.close()
    return seen


async def _read(database: Database, tenant_id: UUID, seen: Counter[str]) -> None:
    async with database.transaction(tenant_id, read_only=True) as transaction:
        _judge(await transaction.fetch_all(_READ), tenant_id, seen)
    seen["reads"] += 1


async def _change(database: Database, tenant_id: UUID, seen: Counter[str]) -> None:
    async with database.transaction(tenant_id) as transaction:
        _judge(await transaction.fetch_all(_READ), tenant_id, seen)
        _judge(await transaction.fetch_all(_CHANGE, description="đổi"), tenant_id, seen)
    seen["changes"] += 1


async def _undo(database: Database, tenant_id: UUID, seen: Counter[str]) -> None:
    try:
        async with database.transaction(tenant_id) as transaction:
            _judge(await transaction.fetch_all(_CHANGE, description="bỏ"), tenant_id, seen)
            raise _UndoneError  # noqa: TRY301 - it is the transaction that is tried
    except _UndoneError:
        seen["undone"] += 1


async def _fail(database: Database, tenant_id: UUID, seen: Counter[str]) -> None:
    try:
        async with database.transaction(tenant_id) as transaction:
            await transaction.fetch_all(_BREAK)
    except ConstraintViolationError:
        seen["failed"] += 1


async def _unbound(database: Database, _: UUID, seen: Counter[str]) -> None:
    async with database.unbound() as connection:
        try:
            seen["seen_unbound"] += len(await connection.fetch("SELECT name FROM items"))
        except (asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError):
            seen["unbound_refused"] += 1


def _judge(rows: Sequence[Row], tenant_id: UUID, seen: Counter[str]) -> None:
    strangers = sum(row["name"] != str(tenant_id) for row in rows)
    seen["rows"] += len(rows)
    seen["strangers"] += strangers + abs(len(rows) - strangers - _ITEMS_OF_EACH)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _bound_by_session() -> Iterator[None]:
    """Bind what is read as long as the connection lasts, and not for one statement."""
    reads: Any = ReadTransaction
    run = reads._run

    async def bound(self: Any, statement: Statement, values: dict[str, object]) -> list[Row]:
        async with self._pool.lend() as connection:
            await connection.execute(f"SET app.current_tenant = '{self.tenant_id}'")
            rows: list[Row] = await connection.fetch(
                statement.text, *statement.arguments(self.tenant_id, values)
            )
            return rows

    reads._run = bound
    try:
        yield
    finally:
        reads._run = run


async def _ask(
    site: Site, businesses: Sequence[Business], requests: int, chance: Random
) -> Counter[str]:
    served: Counter[str] = Counter()
    turn = asyncio.Semaphore(_AT_ONCE)
    settings = {"SOKHO_POOL_SIZE": str(_CONNECTIONS)}
    async with (
        site.serving(workers=2, settings=settings) as service,
        client(service, businesses[0], connections=_AT_ONCE) as http,
    ):

        async def ask(number: int) -> None:
            async with turn:
                business = chance.choice(businesses)
                draw = chance.random()
                if draw < 0.3:
                    await _go_away(http.base_url, business, number, chance, served)
                elif draw < 0.5:
                    item = {"sku": f"N{number}", "name": str(business.tenant_id)}
                    answer = await http.post(ITEMS, json=item, headers=business.headers)
                    served[f"status_{answer.status_code}"] += 1
                elif draw < 0.6:
                    answer = await http.get(ITEMS, headers={"Authorization": ""})
                    served[f"status_{answer.status_code}"] += 1
                else:
                    await _list(http, business, served)

        await asyncio.gather(*map(ask, range(requests)))
        for business in businesses:
            served["not_served_at_the_end"] += not await _list(http, business, served)
    return served


async def _list(http: httpx2.AsyncClient, business: Business, served: Counter[str]) -> bool:
    answer = await http.get(f"{ITEMS}?limit=200", headers=business.headers)
    served[f"status_{answer.status_code}"] += 1
    if answer.status_code != 200:
        return False
    names = [each["name"] for each in answer.json()]
    served["items_served"] += len(names)
    served["strangers_served"] += sum(name != str(business.tenant_id) for name in names)
    return len(names) >= _ITEMS_OF_EACH


async def _go_away(
    url: httpx2.URL, business: Business, number: int, chance: Random, served: Counter[str]
) -> None:
    """Send a request and do not wait for its answer, or not for long."""
    wire = await Wire.open(url)
    item = {"sku": f"G{number}", "name": str(business.tenant_id)}
    await wire.send(
        request(business, "POST", ITEMS, item)
        if chance.random() < 0.5
        else request(business, "GET", f"{ITEMS}?limit=200")
    )
    await asyncio.sleep(chance.uniform(0, _LONGEST_SECONDS))
    wire.reset() if chance.random() < 0.5 else wire.close()
    served["gone_away"] += 1
