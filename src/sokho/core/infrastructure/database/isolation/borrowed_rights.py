"""What runs with somebody else's rights: views, materialized views, SECURITY DEFINER functions."""

import re
from collections.abc import Iterator
from typing import Final

from sokho.core.infrastructure.database.isolation.catalogue import (
    MATERIALIZED,
    VIEWS,
    Catalogue,
    Relation,
    Role,
)
from sokho.core.infrastructure.database.isolation.functions import Function
from sokho.core.infrastructure.database.isolation.policies import quoted
from sokho.core.infrastructure.database.isolation.report import Finding

_WRITES: Final = frozenset({"insert", "update", "delete", "merge", "truncate"})
_READABLE_LANGUAGES: Final = frozenset({"sql", "plpgsql"})
_WORD: Final = re.compile(r"[^\W\d]\w*")
_CALL: Final = re.compile(r'([^\W\d]\w*)"?\s*\(')


def find_in_views(catalogue: Catalogue) -> Iterator[Finding]:
    """Yield each view that the service reaches and that reads past the policies."""
    tenant_tables = {table.oid for table in _all_tenant_tables(catalogue)}
    for view in catalogue.judged:
        if not view.is_reachable or catalogue.is_shared(view):
            continue
        if view.kind == MATERIALIZED:
            sources = {relation.oid for _, relation in _accesses(catalogue, view, None)}
            if view.tenant is not None or sources & tenant_tables:
                mend = f"REVOKE ALL ON {view.name} FROM {quoted(catalogue.app.name)}, PUBLIC"
                yield Finding("materialized_view", view.name, "", mend)
        elif view.kind in VIEWS:
            yield from _of_view(catalogue, view, tenant_tables)


def find_in_functions(catalogue: Catalogue) -> Iterator[Finding]:
    """Yield what functions of users' own let the service do past the policies."""
    written = {each.oid for each in catalogue.judged if each.is_writable}
    wanted = catalogue.target.schemas
    for each in catalogue.functions.values():
        if each.is_extension:
            continue
        if each.is_definer and each.is_trigger:
            tables = sorted(catalogue.relations[oid].name for oid in written & {*each.on_tables})
            if tables:
                yield from _of_definer(catalogue, each, "definer_trigger", tables[0])
        elif each.is_executable and (not wanted or each.schema in wanted):
            if each.is_definer:
                yield from _of_definer(catalogue, each, "definer_function", each.name)
            setting = f"{catalogue.target.tenant_setting.lower()}="
            if any(name.lower().startswith(setting) for name in each.settings):
                mend = f"ALTER FUNCTION {each.name} RESET {catalogue.target.tenant_setting}"
                yield Finding("function_binds_tenant", each.name, "", mend)
        if each.is_leakproof and each.is_executable and not each.is_definer:
            mend = f"ALTER FUNCTION {each.name} NOT LEAKPROOF"
            yield Finding("leakproof_function", each.name, "", mend)


def _all_tenant_tables(catalogue: Catalogue) -> list[Relation]:
    return [
        each
        for each in catalogue.relations.values()
        if each.kind not in {*VIEWS, MATERIALIZED}
        and each.tenant is not None
        and not catalogue.is_shared(each)
    ]


def _of_view(catalogue: Catalogue, view: Relation, tenant_tables: set[int]) -> Iterator[Finding]:
    borrowed = [
        (role, table)
        for role, table in _accesses(catalogue, view, catalogue.app)
        if table.oid in tenant_tables and role.oid != catalogue.app.oid
    ]
    if borrowed:
        # Where FORCE holds the owner for now, nothing but that does.
        detail = ", ".join(sorted({f"{role.name}: {table.name}" for role, table in borrowed}))
        mend = f"ALTER VIEW {view.name} SET (security_invoker = true)"
        yield Finding("view_definer", view.name, detail, mend)


def _accesses(
    catalogue: Catalogue, view: Relation, user: Role | None
) -> list[tuple[Role, Relation]]:
    """Return the tables that a view reads, through other views too, and as whom.

    A view reads as its owner, and one with security_invoker as whoever reads it. `user` is None
    for a materialized view, which was filled by its owner.
    """
    found: list[tuple[Role, Relation]] = []
    seen: set[tuple[int, int]] = set()
    pending = [(user or catalogue.roles[view.owner], view)]
    while pending:
        reader, relation = pending.pop()
        as_whom = reader if relation.is_invoker else catalogue.roles[relation.owner]
        for oid in catalogue.views.get(relation.oid, ()):
            source = catalogue.relations.get(oid)
            if source is None or (as_whom.oid, oid) in seen:
                continue
            seen.add((as_whom.oid, oid))
            (pending if source.kind in {*VIEWS, MATERIALIZED} else found).append((as_whom, source))
    return found


def _of_definer(
    catalogue: Catalogue, function: Function, code: str, about: str
) -> Iterator[Finding]:
    owner = catalogue.roles[function.owner]
    detail = function.name if about != function.name else owner.name
    touched = _touched(catalogue, function)
    invoker = f"ALTER FUNCTION {function.name} SECURITY INVOKER"
    if touched:
        yield Finding(code, about, detail, invoker)
        return
    owns = any(table.owner in owner.has_rights_of for table in _all_tenant_tables(catalogue))
    if (owner.superuser or owner.bypass_rls or owns) and not function.pins_search_path:
        mend = f"ALTER FUNCTION {function.name} SET search_path = pg_catalog, pg_temp"
        yield Finding("definer_search_path", function.name, owner.name, mend)
    else:
        yield Finding("definer_harmless", about, detail, invoker)


def _touched(catalogue: Catalogue, function: Function) -> list[Relation]:
    """Return the tenant tables that a function may read or write, by its text.

    What it calls runs with the same rights, and so do the triggers of what it writes. All tables,
    where a text is put together when it runs or cannot be read.
    """
    tables = _all_tenant_tables(catalogue)
    named: dict[int, Relation] = {}
    found = {function.oid: function}
    pending = [function]
    while pending:
        body = pending.pop()
        words = {word.lower() for word in _WORD.findall(body.body)}
        is_dynamic = body.language == "plpgsql" and "execute" in words
        if is_dynamic or body.language not in _READABLE_LANGUAGES:
            return tables
        own = {oid: each for oid, each in catalogue.relations.items() if _is_in(each, body, words)}
        named |= own
        calls = {name.lower() for name in _CALL.findall(body.body)}
        written = set() if words.isdisjoint(_WRITES) else own.keys()
        new = {
            each.oid: each
            for each in catalogue.functions.values()
            if each.oid not in found and not (each.is_extension or each.is_aggregate)
            if each.bare_name.strip('"').lower() in calls or written & {*each.on_tables}
        }
        found |= new
        pending += new.values()
    seen = {*named}
    for view in named.values():
        if view.kind in {*VIEWS, MATERIALIZED}:
            seen |= {table.oid for _, table in _accesses(catalogue, view, None)}
    return [table for table in tables if table.oid in seen]


def _is_in(relation: Relation, function: Function, words: set[str]) -> bool:
    name = relation.bare_name.lower()
    return name in words or (not _WORD.fullmatch(name) and name in function.body.lower())
