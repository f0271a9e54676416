"""Migration steps: seal a table, and do under seal what PostgreSQL would do wrong there.

Used by every migration, so that no table is sealed in its own way. The rule and each leak
it closes: docs/decisions/0003-row-level-security.md.
"""

from collections.abc import Sequence

from alembic import op

from sokho.core.infrastructure.database.policies import (
    ACCESS_POLICY,
    APP_ROLE,
    FLOOR_POLICY,
    OWNER_ROLE,
    TENANT_COLUMN,
    plain_identifier,
    tenant_predicate,
)


def seal_table(
    table: str,
    *,
    column: str = TENANT_COLUMN,
    floor: Sequence[str] = ("PUBLIC",),
    commands: Sequence[str] = ("SELECT", "INSERT", "UPDATE", "DELETE"),
) -> None:
    """Seal `table` by its tenant `column` and let the service read and write it by `commands`.

    The permissive policy carries the whole rule; the restrictive floor for everybody
    stands under any policy that somebody adds later. `floor` is narrowed on the table of
    tenants alone, which the operator's worker may list.
    """
    plain_identifier(table)
    rule = tenant_predicate(column)
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for policy, kind, roles in (
        (ACCESS_POLICY, "PERMISSIVE", (APP_ROLE, OWNER_ROLE)),
        (FLOOR_POLICY, "RESTRICTIVE", floor),
    ):
        op.execute(
            f"CREATE POLICY {policy} ON {table} AS {kind} FOR ALL TO {', '.join(roles)} "
            f"USING ({rule}) WITH CHECK ({rule})"
        )
    op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
    op.execute(f"GRANT {', '.join(commands)} ON {table} TO {APP_ROLE}")


def validated_foreign_key(
    name: str,
    source: str,
    target: str,
    columns: Sequence[str],
    target_columns: Sequence[str],
    *,
    on_delete: str | None = None,
) -> None:
    """Add a foreign key between two sealed tables, checked against the rows that exist.

    PostgreSQL checks them as the owner. Under FORCE, with a tenant bound, it would see
    that tenant's rows alone and accept everybody else's orphans; so FORCE is lifted for
    this step and restored in the same transaction. Raises `ValueError` unless both sides
    lead with the tenant column, and for ON DELETE SET NULL, which would clear it.
    """
    if columns[0] != TENANT_COLUMN or target_columns[0] != TENANT_COLUMN:
        raise ValueError(f"{name}: a foreign key between tenant tables pairs {TENANT_COLUMN}")
    if on_delete is not None and on_delete.upper() not in {"CASCADE", "RESTRICT", "NO ACTION"}:
        raise ValueError(f"{name}: ON DELETE {on_delete} would clear the tenant column")
    _lift_force(source, target)
    op.create_foreign_key(
        name, source, target, list(columns), list(target_columns), ondelete=on_delete
    )
    _restore_force(source, target)


def backfill(table: str, statement: str, *, reads: Sequence[str] = ()) -> None:
    """Run `statement`, which changes the rows of `table` in every tenant from those it `reads`.

    As the owner and under FORCE it would fail, with no tenant bound, or reach one tenant
    alone; FORCE is lifted for this step and restored in the same transaction.
    """
    _lift_force(table, *reads)
    op.execute(statement)
    _restore_force(table, *reads)


def _lift_force(*tables: str) -> None:
    for table in tables:
        op.execute(f"ALTER TABLE {plain_identifier(table)} NO FORCE ROW LEVEL SECURITY")


def _restore_force(*tables: str) -> None:
    for table in tables:
        op.execute(f"ALTER TABLE {plain_identifier(table)} FORCE ROW LEVEL SECURITY")
