"""Whom a table's policies let read and write which rows."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from sokho.core.infrastructure.database.isolation.catalogue import (
    ROWS,
    Catalogue,
    Policy,
    Relation,
    Role,
)
from sokho.core.infrastructure.database.isolation.expressions import Fault, reads_setting
from sokho.core.infrastructure.database.isolation.functions import Function
from sokho.core.infrastructure.database.isolation.report import Finding

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")

_USING: Final = {"SELECT", "UPDATE", "DELETE"}
_CHECK: Final = {"INSERT", "UPDATE"}

_CODES: Final = {
    Fault.OTHER_SETTING: "policy_other_setting",
    Fault.OTHER_COLUMN: "policy_other_column",
}


class Side(NamedTuple):
    """One of a policy's two texts, as it stands for a command; None lets nothing pass."""

    policy: Policy
    is_check: bool
    text: str | None


def find_in_policies(catalogue: Catalogue, relation: Relation) -> Iterator[Finding]:
    """Yield what is wrong with the policies of a table with row-level security."""
    if not relation.policies and relation.parents:
        return  # nothing can be read of it directly
    missing = _missing(catalogue, relation)
    opened: set[str] = set()
    for role in catalogue.acting:
        granted = relation.privileges.get(role.oid, frozenset()) & ROWS
        for command in sorted(granted):
            for is_check in (False, True):
                for side in _open_sides(catalogue, role, relation, command, is_check=is_check):
                    opened.add(side.policy.name)
                    yield _opened(catalogue, relation, side)
    if missing:
        yield Finding(
            "policy_missing",
            relation.name,
            ", ".join(sorted(missing)),
            new_policy(catalogue, relation, "PERMISSIVE"),
        )
    for finding in _advice(catalogue, relation):
        if finding.code != "policy_loose" or finding.detail not in opened:
            yield finding


def new_policy(catalogue: Catalogue, relation: Relation, kind: str) -> str:
    """Return the statement that makes a policy which says the whole rule."""
    name = "tenant_floor" if kind == "RESTRICTIVE" else "tenant_access"
    role = "PUBLIC" if kind == "RESTRICTIVE" else quoted(catalogue.app.name)
    rule = _rule(catalogue, relation)
    return (
        f"CREATE POLICY {name} ON {relation.name} AS {kind} FOR ALL TO {role} "
        f"USING ({rule}) WITH CHECK ({rule})"
    )


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever it is made of; a key word is quoted, too."""
    if _PLAIN.fullmatch(name) and name not in RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def _rule(catalogue: Catalogue, relation: Relation) -> str:
    setting = catalogue.target.tenant_setting.replace("'", "''")
    cast = "" if relation.tenant_type in {"text", ""} else f"::{relation.tenant_type}"
    return f"{quoted(relation.tenant or '')} = (SELECT current_setting('{setting}'){cast})"


def _sides(role: Role, relation: Relation, command: str, *, is_check: bool) -> list[Side]:
    """Return the texts that stand when `role` runs `command`: USING serves where CHECK is not."""
    if command not in (_CHECK if is_check else _USING):
        return []
    return [
        Side(each, is_check, (each.check or each.using) if is_check else each.using)
        for each in relation.policies
        if each.is_for(role, command)
    ]


def _missing(catalogue: Catalogue, relation: Relation) -> set[str]:
    """Return the commands that are granted in vain.

    A group that only hands on its grants needs no policy of its own where its member has one.
    """
    missing: set[str] = set()
    for command in ROWS & relation.granted:
        holders = [
            each for each in catalogue.acting if command in relation.privileges.get(each.oid, ())
        ]
        if catalogue.app in holders:
            holders = [catalogue.app]
        if not any(_is_allowed(each, relation, command) for each in holders):
            missing.add(command)
    return missing


def _is_allowed(role: Role, relation: Relation, command: str) -> bool:
    sides = _sides(role, relation, command, is_check=command == "INSERT")
    return any(each.policy.permissive and each.text is not None for each in sides)


def _open_sides(
    catalogue: Catalogue, role: Role, relation: Relation, command: str, *, is_check: bool
) -> list[Side]:
    """Return the texts that let rows of others pass, unless a restrictive one holds them all."""
    sides = _sides(role, relation, command, is_check=is_check)
    if any(not each.policy.permissive and _is_tight(catalogue, relation, each) for each in sides):
        return []
    return [
        each
        for each in sides
        if each.policy.permissive
        and each.text is not None
        and not _is_tight(catalogue, relation, each)
    ]


def _is_tight(catalogue: Catalogue, relation: Relation, side: Side) -> bool:
    if side.text is None or any(
        each.split("(")[0].endswith(".=") for each in side.policy.operators
    ):
        return False  # or "=" is somebody's own
    reading = catalogue.reading(relation, side.text)
    known = {
        catalogue.functions[oid].bare_name
        for oid in side.policy.functions
        if oid in catalogue.functions
    }
    return reading.fault is None and all(
        wrapper.rpartition(".")[2] in known for wrapper in reading.wrappers
    )


def _opened(catalogue: Catalogue, relation: Relation, side: Side) -> Finding:
    assert side.text is not None
    fault = catalogue.reading(relation, side.text).fault
    code = "check_open" if side.is_check else "policy_open"
    if fault in _CODES:
        code = _CODES[fault]
    clause = "WITH CHECK" if side.is_check else "USING"
    return Finding(
        code,
        relation.name,
        side.policy.name,
        f"ALTER POLICY {quoted(side.policy.name)} ON {relation.name} {clause} "
        f"({_rule(catalogue, relation)})",
    )


def _advice(catalogue: Catalogue, relation: Relation) -> Iterator[Finding]:
    has_floor = False
    for policy in relation.policies:
        if not any(policy.is_for(catalogue.app, command) for command in ROWS):
            continue
        yield from _functions_of(catalogue, relation, policy)
        sides = [
            Side(policy, is_check, text)
            for is_check, text in ((False, policy.using), (True, policy.check))
            if text is not None
        ]
        tight = all(_is_tight(catalogue, relation, each) for each in sides)
        has_floor |= tight and not policy.permissive
        if policy.permissive and not tight:
            yield Finding("policy_loose", relation.name, policy.name)
        if not relation.tenant_type.startswith("character varying") and any(
            catalogue.reading(relation, each.text).casts_column for each in sides if each.text
        ):
            yield Finding("policy_cast", relation.name, policy.name)
    if not has_floor and relation.policies:
        yield Finding(
            "floor_missing", relation.name, "", new_policy(catalogue, relation, "RESTRICTIVE")
        )


def _functions_of(catalogue: Catalogue, relation: Relation, policy: Policy) -> Iterator[Finding]:
    texts = [text for text in (policy.using, policy.check) if text is not None]
    wrappers = {
        name.rpartition(".")[2]
        for text in texts
        for name in catalogue.reading(relation, text).wrappers
    }
    for oid in policy.functions:
        function = catalogue.functions.get(oid)
        if function is None or function.is_extension:
            continue
        bare = function.bare_name
        detail = f"{policy.name}: {function.name}"
        mend = _mend_of(catalogue, function, is_wrapper=bare in wrappers)
        if mend is not None:
            yield Finding("policy_function", relation.name, detail, mend)
        elif bare in wrappers:
            yield Finding("policy_wrapper", relation.name, detail)
    for operator in policy.operators:
        yield Finding("policy_function", relation.name, f"{policy.name}: {operator}")


def _mend_of(catalogue: Catalogue, function: Function, *, is_wrapper: bool) -> str | None:
    """Return what mends a function that cannot be relied on; None where it can."""
    stable = f"ALTER FUNCTION {function.name} STABLE"
    if function.is_leakproof:
        return f"ALTER FUNCTION {function.name} NOT LEAKPROOF"
    if function.owner in {each.oid for each in catalogue.reached}:
        return f"ALTER FUNCTION {function.name} OWNER TO CURRENT_USER"
    if function.volatility == "v":
        return stable
    if function.volatility == "i" and (is_wrapper or "current_setting" in function.body):
        return stable
    if is_wrapper and not _is_proven(catalogue, function):
        setting = catalogue.target.tenant_setting
        return f"-- {function.name}: RETURN current_setting('{setting}')"
    return None


def _is_proven(catalogue: Catalogue, function: Function) -> bool:
    if reads_setting(function.body, catalogue.target.tenant_setting):
        return True
    return function.oid in catalogue.wrappers_tried
