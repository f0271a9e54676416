"""What the system catalogue says of a database, as far as the seal is concerned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from sokho.core.infrastructure.database.isolation.expressions import (
    Reading,
    columns_compared,
    read_policy,
)
from sokho.core.infrastructure.database.isolation.functions import Function, try_wrappers
from sokho.core.infrastructure.database.isolation.target import ALWAYS_SHARED, Target
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.database.transaction import Row

PUBLIC: Final = 0
"""How the catalogue writes it where a role's number stands."""

TABLES: Final = frozenset({"r", "p"})
VIEWS: Final = frozenset({"v"})
MATERIALIZED: Final = "m"
FOREIGN: Final = "f"

WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
ROWS: Final = WRITES | {"SELECT"}


@cache
def query(theme: str) -> str:
    """Return the SQL of one theme."""
    return (resources.files(__package__) / "sql" / f"{theme}.sql").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Role:
    """A role, and whose rights it has without doing anything for them."""

    oid: int
    name: str
    superuser: bool
    bypass_rls: bool
    has_rights_of: frozenset[int]


@dataclass(frozen=True, slots=True)
class Reached:
    """A role that the service is, or could become."""

    oid: int
    name: str
    is_app: bool
    superuser: bool
    bypass_rls: bool
    creates_roles: bool
    replicates: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, with its two texts as PostgreSQL prints them."""

    name: str
    permissive: bool
    command: str
    roles: frozenset[int]
    using: str | None
    check: str | None
    functions: Sequence[int]
    operators: Sequence[str]

    def is_for(self, role: Role, command: str) -> bool:
        """Whether it stands when `role` runs `command`."""
        names_role = PUBLIC in self.roles or not role.has_rights_of.isdisjoint(self.roles)
        return names_role and self.command in {command, "ALL"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a view, a foreign table or a materialized view."""

    oid: int
    schema: str
    name: str
    """With its schema, quoted where it has to be."""

    bare_name: str
    kind: str
    owner: int
    row_security: bool
    forced: bool
    is_partition: bool
    is_invoker: bool
    has_rows: bool
    """As far as statistics tell."""

    parents: Sequence[int]
    key_column: str | None
    tenant: str | None
    """The column that says whose a row is."""

    tenant_number: int
    tenant_type: str
    has_always_tenant: bool
    is_registry: bool
    """Whether its rows are the tenants themselves."""

    policies: Sequence[Policy]
    privileges: Mapping[int, frozenset[str]]
    """What each of the roles that the service acts as may do."""

    @property
    def granted(self) -> frozenset[str]:
        """What the service may do, as whomever."""
        return frozenset().union(*self.privileges.values())

    @property
    def is_writable(self) -> bool:
        """Whether the service may change its rows."""
        return not self.granted.isdisjoint(WRITES)

    @property
    def is_reachable(self) -> bool:
        """Whether the service reads or writes its rows."""
        return not self.granted.isdisjoint(ROWS)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that the checks ask about."""

    target: Target
    reached: Sequence[Reached]
    roles: Mapping[int, Role]
    acting: Sequence[Role]
    """Whom the service acts as, without those whom no policy holds: they are findings."""

    relations: Mapping[int, Relation]
    views: Mapping[int, Sequence[int]]
    functions: Mapping[int, Function]
    wrappers_tried: frozenset[int]
    """Functions that told the bound tenant, and nothing else, when they were called."""

    @property
    def app(self) -> Role:
        """The role that the service logs in as."""
        return self.roles[self.reached[0].oid]

    @property
    def judged(self) -> list[Relation]:
        """The relations of the schemas in question."""
        wanted = self.target.schemas
        return [each for each in self.relations.values() if not wanted or each.schema in wanted]

    @property
    def tenant_tables(self) -> list[Relation]:
        """The tables among them whose rows are somebody's."""
        return [
            each
            for each in self.judged
            if each.kind in TABLES and each.tenant is not None and not self.is_shared(each)
        ]

    @property
    def schemas(self) -> list[str]:
        """The schemas in question."""
        found = self.target.schemas or {each.schema for each in self.relations.values()}
        return sorted(found)

    def is_shared(self, relation: Relation) -> bool:
        """Whether it is declared that every tenant may read it."""
        declared = self.target.shared_tables | ALWAYS_SHARED
        plain = f"{relation.schema}.{relation.bare_name}"
        return not declared.isdisjoint({relation.bare_name, plain, relation.name})

    def reading(self, relation: Relation, text: str) -> Reading:
        """Return what a policy's text lets pass."""
        return read_policy(text, relation.tenant or "", self.target.tenant_setting)


async def load(connection: Connection, target: Target) -> Catalogue:
    """Read the catalogue, in ten queries. The role must exist."""
    reached = [Reached(**row) for row in await connection.fetch(query("reach"), target.app_role)]
    policies: dict[int, list[Policy]] = defaultdict(list)
    for row in await connection.fetch(query("policies")):
        policies[row["relation"]].append(_policy(row))
    found = {
        row["oid"]: _relation(row, policies[row["oid"]])
        for row in await connection.fetch(query("relations"), target.tenant_column)
    }
    await _name_other_columns(connection, found, target)
    functions = [
        Function(**row)
        for row in await connection.fetch(query("functions"), _acting(reached, found.values()))
    ]
    called = {oid for each in policies.values() for policy in each for oid in policy.functions}
    wrappers = [each for each in functions if each.oid in called]
    roles = await _roles(connection, reached, found.values(), functions)
    acting = _acting(reached, found.values())
    privileges: dict[int, dict[int, frozenset[str]]] = defaultdict(dict)
    for row in await connection.fetch(query("privileges"), acting, [*found]):
        privileges[row["relation"]][row["role"]] = frozenset(row["privileges"])
    return Catalogue(
        target=target,
        reached=reached,
        roles=roles,
        acting=[roles[oid] for oid in acting],
        relations={oid: replace(each, privileges=privileges[oid]) for oid, each in found.items()},
        views={row["view"]: row["reads"] for row in await connection.fetch(query("views"))},
        functions={each.oid: each for each in functions},
        wrappers_tried=await try_wrappers(connection, wrappers, target.tenant_setting),
    )


def _policy(row: Row) -> Policy:
    values = {name: row[name] for name in row.keys() if name != "relation"}  # noqa: SIM118 - a Row
    return Policy(**{**values, "roles": frozenset(row["roles"])})


def _relation(row: Row, policies: Sequence[Policy]) -> Relation:
    absent = {"tenant_number": 0, "tenant_type": "", "has_always_tenant": False}
    values = {**row}
    if row["tenant"] is None:
        values |= absent
    return Relation(**values, is_registry=False, policies=policies, privileges={})


async def _name_other_columns(
    connection: Connection, found: dict[int, Relation], target: Target
) -> None:
    """Find the tenant of tables without the column: a table of tenants is sealed by its id.

    It is the column that tenant columns refer to; or the only one that the policies compare.
    """
    for row in await connection.fetch(query("registries"), target.tenant_column):
        relation = found.get(row["oid"])
        if relation is not None and relation.tenant is None:
            found[relation.oid] = _with_tenant(relation, row["column"], row)
    wanted = {
        relation.oid: next(iter(columns))
        for relation in found.values()
        if relation.tenant is None and relation.row_security
        if len(columns := _compared(relation, target.tenant_setting)) == 1
    }
    for row in await connection.fetch(query("columns"), [*wanted], [*wanted.values()]):
        oid = row["oid"]
        found[oid] = _with_tenant(found[oid], wanted[oid], row)


def _compared(relation: Relation, setting: str) -> set[str]:
    texts = [text for each in relation.policies for text in (each.using, each.check) if text]
    return {name for text in texts for name in columns_compared(text, setting)}


def _with_tenant(relation: Relation, column: str, row: Row) -> Relation:
    return replace(
        relation,
        tenant=column,
        tenant_number=row["number"],
        tenant_type=row["type"],
        has_always_tenant=row["not_null"],
        is_registry=column == relation.key_column,
    )


def _acting(reached: Sequence[Reached], relations: Iterable[Relation]) -> list[int]:
    """Return the service's role, and what it could become that policies hold."""
    owners = {relation.owner for relation in relations}
    return [
        each.oid
        for each in reached
        if each.is_app or not (each.superuser or each.bypass_rls or each.oid in owners)
    ]


async def _roles(
    connection: Connection,
    reached: Sequence[Reached],
    relations: Iterable[Relation],
    functions: Iterable[Function],
) -> dict[int, Role]:
    involved = {each.oid for each in reached} | {each.owner for each in functions}
    for relation in relations:
        involved.add(relation.owner)
        involved |= {oid for policy in relation.policies for oid in policy.roles}
    rows = await connection.fetch(query("roles"), [*involved])
    return {
        row["oid"]: Role(**{**row, "has_rights_of": frozenset(row["has_rights_of"])})
        for row in rows
    }
