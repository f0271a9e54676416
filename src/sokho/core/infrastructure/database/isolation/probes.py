"""Behaviour: what the service's role sees and may write, tried on the rows that exist."""

from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

from sokho.core.infrastructure.database.isolation.catalogue import Catalogue, Relation, query
from sokho.core.infrastructure.database.isolation.policies import quoted
from sokho.core.infrastructure.database.isolation.report import Finding
from sokho.core.infrastructure.database.isolation.sessions import (
    Answer,
    Prober,
    literal,
    probing,
)
from sokho.core.infrastructure.database.pool import Connection

_NOBODY: Final[Mapping[str, str]] = {
    "uuid": "00000000-0000-4000-8000-00000000dead",
    "smallint": "32749",
    "integer": "2147483629",
    "bigint": "9223372036854775783",
}
"""A tenant that nobody is, by the type of the column; of a text this does too."""

BIND: Final = "SELECT set_config($1, $2, true)"
"""How a tenant is bound: for the transaction, as the service should."""

_CONTROL: Final = "sokho_isolation_control"
_ENOUGH: Final = 1_000


class Sample(NamedTuple):
    """Two tenants that have rows in a table; None where there is no other."""

    tenant: str
    other: str | None


async def find_in_reads(connection: Connection, catalogue: Catalogue) -> AsyncIterator[Finding]:
    """Yield what the service sees and must not. `connection` must be new: nothing was bound yet."""
    readable = [
        each
        for each in catalogue.judged
        if each.tenant is not None and "SELECT" in each.granted and not catalogue.is_shared(each)
    ]
    async with probing(connection, catalogue, read_only=True) as prober:
        if prober is None:
            yield Finding("reads_not_exercised", catalogue.app.name, "SET ROLE")
            return
        # Nothing bound comes before anything is: what was bound once is never unset again.
        unbound = {
            each.oid: await prober.as_app(f"SELECT FROM {each.name} LIMIT 1") for each in readable
        }
        for relation in readable:
            async for finding in _reads(prober, relation, unbound[relation.oid]):
                yield finding
        async for finding in _orphans(connection, catalogue, prober):
            yield finding
    async for finding in _residue(connection, catalogue):
        yield finding


async def find_in_writes(connection: Connection, catalogue: Catalogue) -> AsyncIterator[Finding]:
    """Yield what the service may write and must not; all of it is rolled back."""
    async with probing(connection, catalogue, read_only=False) as prober:
        if prober is None:
            yield Finding("writes_not_exercised", catalogue.app.name, "SET ROLE")
            return
        app = quoted(catalogue.app.name)
        await prober.prepare(
            f"CREATE TEMP TABLE {_CONTROL} (tenant text) ON COMMIT DROP;"
            f"INSERT INTO pg_temp.{_CONTROL} VALUES ('a'), ('b');"
            f"GRANT SELECT, UPDATE ON pg_temp.{_CONTROL} TO {app}"
        )
        if await prober.as_app(_take(f"pg_temp.{_CONTROL}", "tenant", "b"), "a") is not Answer.ROWS:
            yield Finding("control_missed", _CONTROL)
        for table in catalogue.tenant_tables:
            granted = sorted(table.granted & {"INSERT", "UPDATE", "DELETE"})
            if not granted:
                continue
            sample = await _sample(prober, table)
            if sample is None or sample.other is None:
                yield Finding("writes_not_exercised", table.name)
                continue
            written = [each for each in granted if await _writes(prober, table, sample, each)]
            if written:
                yield Finding("writes_foreign", table.name, ", ".join(written))


async def _reads(prober: Prober, relation: Relation, unbound: Answer) -> AsyncIterator[Finding]:
    name, column = relation.name, quoted(relation.tenant or "")
    nobody = _NOBODY.get(relation.tenant_type, "nobody-at-all-7q")
    sample = await _sample(prober, relation)
    empty = await prober.as_app(f"SELECT FROM {name} LIMIT 1", "")
    foreign = [await prober.as_app(f"SELECT FROM {name} LIMIT 1", nobody)]
    if sample is not None:
        theirs = (
            f"SELECT FROM {name} WHERE {column}::text IS DISTINCT FROM {literal(sample.tenant)}"
        )
        foreign.append(await prober.as_app(f"{theirs} LIMIT 1", sample.tenant))
    if unbound is Answer.ROWS:
        yield Finding("rows_unbound", name)
    if empty is Answer.ROWS:
        yield Finding("rows_empty", name)
    if Answer.ROWS in foreign:
        yield Finding("rows_foreign", name)
    undecided = Answer.UNDECIDED in {unbound, empty, *foreign}
    if undecided or (sample is None and not relation.has_rows):
        yield Finding("reads_not_exercised", name)
    if sample is not None and await _hides(prober, relation, sample.tenant):
        yield Finding("rows_hidden", name)


async def _hides(prober: Prober, relation: Relation, tenant: str) -> bool:
    """Whether a tenant sees none of its rows; a policy may well hide some."""
    own = await prober.as_app(f"SELECT FROM {relation.name} LIMIT 1", tenant)
    return own in {Answer.NOTHING, Answer.REFUSED}


async def _sample(prober: Prober, relation: Relation) -> Sample | None:
    """Return tenants that have rows, as far as whoever connects can see."""
    column, name = quoted(relation.tenant or ""), relation.name
    first = f"SELECT {column}::text FROM {name} WHERE {column} IS NOT NULL LIMIT 1"
    row = await prober.as_operator(first)
    if row is None:
        return None
    other = await prober.as_operator(
        f"SELECT {column}::text FROM {name} WHERE {column}::text <> $1 LIMIT 1", row[0]
    )
    return Sample(row[0], None if other is None else other[0])


async def _writes(prober: Prober, table: Relation, sample: Sample, command: str) -> bool:
    """Whether `sample.tenant` can write rows of the other one by `command`."""
    name, column = table.name, quoted(table.tenant or "")
    assert sample.other is not None
    if command == "DELETE":
        statements = [f"DELETE FROM {name} WHERE {column}::text = {literal(sample.other)}"]
    elif command == "UPDATE":
        statements = [
            _take(name, column, sample.other),
            _give(name, column, sample),
        ]
    else:
        statements = [await _inserting(prober, table, sample.other)]
    answers = {await prober.as_app(statement, sample.tenant) for statement in statements}
    return not answers.isdisjoint({Answer.ROWS, Answer.VIOLATED})


def _take(name: str, column: str, other: str) -> str:
    return f"UPDATE {name} SET {column} = {column} WHERE {column}::text = {literal(other)}"


def _give(name: str, column: str, sample: Sample) -> str:
    return (
        f"UPDATE {name} SET {column} = {literal(sample.other or '')} "
        f"WHERE {column}::text = {literal(sample.tenant)}"
    )


async def _inserting(prober: Prober, table: Relation, tenant: str) -> str:
    """Return a statement that inserts a row of `tenant` once more."""
    row = await prober.as_operator(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute "
        "WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        table.oid,
    )
    columns = "" if row is None else row[0]
    column = quoted(table.tenant or "")
    copied = await prober.as_operator(
        f"SELECT to_jsonb(copied)::text FROM {table.name} AS copied "
        f"WHERE {column}::text = $1 LIMIT 1",
        tenant,
    )
    values = "{}" if copied is None else copied[0]
    return (
        f"INSERT INTO {table.name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} "
        f"FROM pg_catalog.jsonb_populate_record(NULL::{table.name}, {literal(values)}::jsonb)"
    )


async def _orphans(
    connection: Connection, catalogue: Catalogue, prober: Prober
) -> AsyncIterator[Finding]:
    """Yield foreign keys that rows break: validated under FORCE, a key saw one tenant at most."""
    tables = [table.oid for table in catalogue.tenant_tables]
    await connection.execute("ROLLBACK TO SAVEPOINT probe")
    sees_all = await connection.fetchval(
        "SELECT bool_and(NOT row_security_active(oid)) FROM unnest($1::oid[]) AS t (oid)", tables
    )
    for row in await connection.fetch(query("orphans"), tables):
        if not sees_all:
            yield Finding("orphans_not_exercised", row["child"], row["name"])
            continue
        answer = await prober.as_operator(f"SELECT EXISTS ({row['query']}) AS found")
        if answer is None:
            yield Finding("orphans_not_exercised", row["child"], row["name"])
        elif answer["found"]:
            yield Finding("orphans", row["child"], row["name"])


async def _residue(connection: Connection, catalogue: Catalogue) -> AsyncIterator[Finding]:
    setting = catalogue.target.tenant_setting
    for end in ("COMMIT", "ROLLBACK"):
        await connection.execute("BEGIN READ ONLY")
        await connection.fetchval(BIND, setting, _CONTROL)
        await connection.execute(end)
        if await connection.fetchval("SELECT current_setting($1, true)", setting) == _CONTROL:
            yield Finding("binding_stays", setting, end)
