"""Whether each table is one that policies can hold, and do."""

from collections import Counter
from collections.abc import Iterator

from sokho.core.infrastructure.database.isolation.catalogue import (
    FOREIGN,
    TABLES,
    Catalogue,
    Relation,
)
from sokho.core.infrastructure.database.isolation.codes import Level
from sokho.core.infrastructure.database.isolation.policies import (
    find_in_policies,
    new_policy,
    quoted,
)
from sokho.core.infrastructure.database.isolation.report import Finding


def find_in_tables(catalogue: Catalogue) -> Iterator[Finding]:
    """Yield what is wrong with the tables that the service reaches."""
    for relation in catalogue.judged:
        if catalogue.is_shared(relation):
            if relation.is_writable and relation.kind in TABLES:
                yield Finding("shared_table_written", relation.name)
            continue
        if relation.kind == FOREIGN and relation.is_reachable:
            yield Finding("foreign_table", relation.name, "", _revoked(catalogue, relation))
        elif relation.kind in TABLES and relation.tenant is None:
            yield from _without_tenant(catalogue, relation)
    if not any(relation.is_reachable for relation in catalogue.judged):
        yield Finding("nothing_reached", catalogue.app.name)
    tables = catalogue.tenant_tables
    usual = Counter(table.tenant_type for table in tables).most_common(1)
    for table in tables:
        yield from _of_tenants(catalogue, table)
        if table.tenant_type != usual[0][0]:
            yield Finding("tenant_type_differs", table.name, f"{table.tenant} {table.tenant_type}")
    names = {
        name
        for each in catalogue.relations.values()
        if catalogue.is_shared(each)
        for name in (each.bare_name, f"{each.schema}.{each.bare_name}", each.name)
    }
    for declared in sorted(catalogue.target.shared_tables - names):
        yield Finding("shared_table_unknown", declared)


def _without_tenant(catalogue: Catalogue, relation: Relation) -> Iterator[Finding]:
    if relation.row_security and not relation.policies:
        return  # closed
    if relation.is_reachable:
        yield Finding("no_tenant_column", relation.name, "", _revoked(catalogue, relation))


def _of_tenants(catalogue: Catalogue, table: Relation) -> Iterator[Finding]:
    if not table.row_security:
        enable = f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY"
        if table.parents:
            # Through the parent the parent's policies hold: it is about who comes directly.
            level = None if table.is_reachable else Level.ADVICE
            yield Finding("partition_unsealed", table.name, "", enable, level)
        else:
            level = None if table.is_reachable else Level.ADVICE
            mend = f"{enable}; {new_policy(catalogue, table, 'PERMISSIVE')}"
            yield Finding("rls_disabled", table.name, "", mend, level)
    else:
        if not table.forced and (table.is_reachable or not table.parents):
            reached = {each.oid for each in catalogue.reached}
            level = Level.FINDING if table.owner in reached else None
            mend = f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY"
            yield Finding("rls_not_forced", table.name, "", mend, level)
        yield from find_in_policies(catalogue, table)
    if not (table.has_always_tenant or table.is_partition):
        mend = f"ALTER TABLE {table.name} ALTER COLUMN {quoted(table.tenant or '')} SET NOT NULL"
        yield Finding("tenant_nullable", table.name, table.tenant or "", mend)


def _revoked(catalogue: Catalogue, relation: Relation) -> str:
    return f"REVOKE ALL ON {relation.name} FROM {quoted(catalogue.app.name)}, PUBLIC"
